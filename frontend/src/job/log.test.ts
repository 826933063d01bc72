/** Lines of a real log, and of the events behind them. */

import { expect, test } from 'vitest';
import { asText, inWords, levelOf, lineOf, merged, parsedLog } from './log';

const TEXT = `2026-11-26T02:34:35.260Z state: {"state":"queued","attempt":0,"failure":null}
2026-11-26T02:34:35.313Z stage_started: {"stage":"extract","total":12,"plugins":["aliked"]}
2026-11-26T02:34:36.000Z WARN scene3d_pipeline::extract: a.jpg: too dark: 3 keypoints
`;

test('a log is read line by line, and written again as it was', () => {
  const lines = parsedLog(TEXT);
  expect(lines.map(inWords)).toEqual(['queued', 'Find keypoints: begins with aliked', 'a.jpg: too dark: 3 keypoints']);
  expect(lines.map(levelOf)).toEqual(['info', 'info', 'warn']);
  expect(`${asText(lines)}\n`).toBe(TEXT);
});

test('events that the log has already are not told twice', () => {
  const at = '2026-11-26T02:34:35.313Z';
  const data = JSON.stringify({ at, stage: 'extract', total: 12, plugins: ['aliked'] });
  const known = lineOf({ id: 6, kind: 'stage_started', data });
  const news = lineOf({
    id: 9,
    kind: 'stage_finished',
    data: JSON.stringify({ at: '2026-11-26T02:34:40.666Z', stage: 'extract', items: 12, reused: 2, secs: 5.36 }),
  });
  const lines = merged(
    parsedLog(TEXT),
    [known, news].filter((line) => line !== undefined),
  );
  expect(lines).toHaveLength(4);
  expect(lines.at(-1) && inWords(lines[3] ?? news ?? known ?? { at: '', kind: '', text: '' })).toBe(
    'Find keypoints: 12 items in 5.4 s, 2 taken from before',
  );
});

test('progress is no line, a failure says why', () => {
  expect(lineOf({ id: 1, kind: 'progress', data: '{"at":"x"}' })).toBeUndefined();
  const failed = { at: 'x', state: 'failed', attempt: 1, failure: { message: 'the plugin panicked' } };
  const line = lineOf({ id: 1, kind: 'state', data: JSON.stringify(failed) });
  expect(line && [inWords(line), levelOf(line)]).toEqual(['failed: the plugin panicked', 'error']);
});

test('what has no words of its own is told by its name', () => {
  const told = (kind: string, data: object) => inWords({ at: 'x', kind, text: JSON.stringify(data) });
  expect(told('cancel_requested', {})).toBe('cancel requested');
  expect(told('interrupted', { plugin: 'my_plugin', num_deaths: 2, stage: null })).toBe(
    'interrupted: plugin my_plugin, num deaths 2',
  );
});
