/** Configs as text: read, changed in one place, and mistakes brought to their fields. */

import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { aboutConfig, mistakesByPath, stagesOf, withValue } from './configText';

const TOML = `# a comment
[pipeline]
seed = 0

[[features]]
extractor = { plugin = "aliked", model = "n16rot", max_keypoints = 2048 }
matcher   = { plugin = "lightglue" }

[[features]]
matcher   = { plugin = "mast3r", mode = "dense" }

[join]
radius = 1.5

[mapper]
plugin = "colmap"
`;

describe('a config', () => {
  test('names its stages in the order in which they run', () => {
    const parsed = stagesOf(TOML);
    expect(parsed.ok && parsed.stages.map(({ path, plugin }) => [path, plugin])).toEqual([
      ['features.0.extractor', 'aliked'],
      ['features.0.matcher', 'lightglue'],
      ['features.1.matcher', 'mast3r'],
      ['mapper', 'colmap'],
    ]);
    expect(parsed.ok && parsed.stages[0]?.values).toEqual({ model: 'n16rot', max_keypoints: 2048 });
  });

  test('says in its first line what it is for', () => {
    expect(aboutConfig('# ALIKED by `LightGlue`: the default.\n# More.\n')).toBe('ALIKED by LightGlue: the default.');
    expect(['[mapper]\n# not here', '#\n# nor here', ''].map(aboutConfig)).toEqual([undefined, undefined, undefined]);
  });

  test('that is no TOML says in which line', () => {
    const parsed = stagesOf('[pipeline]\nseed = = 1\n');
    expect(parsed.ok === false && parsed.mistake).toMatch(/^line 2: /);
  });

  test('changes in one place only', () => {
    const changed = parse(withValue(TOML, 'features.0.extractor', 'max_keypoints', 512));
    const expected = parse(TOML) as { features: [{ extractor: Record<string, unknown> }] };
    expected.features[0].extractor['max_keypoints'] = 512;
    expect(changed).toEqual(expected);
    expect(withValue(TOML, 'mapper', 'nothing', undefined)).toContain('colmap');
    expect(parse(withValue(TOML, 'features.1.matcher', 'mode', undefined))).not.toHaveProperty(
      'features.1.matcher.mode',
    );
  });
});

describe('mistakes', () => {
  test('go to what they are about', () => {
    const found = mistakesByPath([
      'config:2:72: unknown key `features.0.extractor.foo` of extractor `aliked`\n    help: keys there: plugin, model',
      'config:2:68: `features.0.extractor.max_keypoints`: expected an integer, 1 to 4294967295, got -4',
      'config:6:10: `mapper.mapper`: expected one of "incremental", "global", got "x"\n    help: did you mean "global"?',
      'aliked emits no features that `nearest` takes',
    ]);
    expect(found.get('features.0.extractor.max_keypoints')).toEqual(['expected an integer, 1 to 4294967295, got -4']);
    expect(found.get('mapper.mapper')).toEqual([
      'expected one of "incremental", "global", got "x"; did you mean "global"?',
    ]);
    expect(found.get('features.0.extractor.foo')?.[0]).toContain('keys there: plugin, model');
    expect(found.get('')).toEqual(['aliked emits no features that `nearest` takes']);
  });
});
