/** Schemas of the real plugins as fields: ranges, units, defaults, mistakes. */

import { describe, expect, test } from 'vitest';
import { fieldsOf, mistakeOf, rangeOf, readTyped, type SchemaField, typedOf } from './schema';

/** As `scene3d plugin inspect` prints them, of aliked, nearest and colmap. */
const SCHEMA = {
  type: 'object',
  properties: {
    model: {
      oneOf: [
        { type: 'string', const: 't16', description: 'tiny' },
        { type: 'string', const: 'n16rot', description: 'normal, trained with rotated images' },
      ],
      description: 'Which published network.',
      default: 'n16rot',
    },
    nms_radius: { type: 'integer', minimum: 1, maximum: 16, default: 2, 'x-unit': 'px', description: 'Far\napart.' },
    detection_threshold: { type: ['number', 'null'], format: 'float', minimum: 0, maximum: 1, default: null },
    ratio_threshold: { type: 'number', format: 'float', maximum: 1, default: 0.949999988079071, exclusiveMinimum: 0 },
    max_keypoints: { type: 'integer', minimum: 1, default: 2048 },
    mutual: { type: 'boolean', default: true },
    camera_model: { type: 'string', enum: ['PINHOLE', 'OPENCV'], default: 'PINHOLE' },
    intrinsics: { type: 'array', items: { type: 'number' }, default: [] },
    python: { type: 'string', default: '', 'x-host-only': true },
    nested: { type: 'object' },
  },
};

function field(key: string): SchemaField {
  const found = fieldsOf(SCHEMA).find((one) => one.key === key);
  if (!found) throw new Error(`no field ${key}`);
  return found;
}

describe('fields of a schema', () => {
  test('stand in its order, without what is the operator’s or what no form can show', () => {
    expect(fieldsOf(SCHEMA).map((one) => [one.key, one.kind])).toEqual([
      ['model', 'choice'],
      ['nms_radius', 'number'],
      ['detection_threshold', 'number'],
      ['ratio_threshold', 'number'],
      ['max_keypoints', 'number'],
      ['mutual', 'switch'],
      ['camera_model', 'choice'],
      ['intrinsics', 'list'],
    ]);
    expect(fieldsOf('no schema')).toEqual([]);
  });

  test('say their range and unit', () => {
    expect(rangeOf(field('nms_radius'))).toBe('1 to 16 px');
    expect(rangeOf(field('ratio_threshold'))).toBe('above 0, at most 1');
    expect(rangeOf(field('max_keypoints'))).toBe('at least 1');
    expect(field('nms_radius').help).toBe('Far apart.');
  });

  test('show 32-bit defaults as they were meant', () => {
    expect(typedOf(field('ratio_threshold').defaultValue)).toBe('0.95');
    expect(typedOf(field('detection_threshold').defaultValue)).toBe('');
  });

  test('read what is typed', () => {
    expect(readTyped(field('nms_radius'), ' 3 ')).toBe(3);
    expect(readTyped(field('nms_radius'), '')).toBeUndefined();
    expect(readTyped(field('nms_radius'), 'three')).toBe('three');
    expect(readTyped(field('intrinsics'), '700, 700 320;240')).toEqual([700, 700, 320, 240]);
  });

  test('find mistakes at both ends, and in kind', () => {
    const mistakes = (key: string, values: unknown[]) =>
      values.map((value) => mistakeOf(field(key), value as number) !== undefined);
    expect(mistakes('nms_radius', [0, 1, 16, 17, 2.5, 'x', undefined])).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
    expect(mistakes('ratio_threshold', [0, 0.001, 1, 1.1])).toEqual([true, false, false, true]);
    expect(mistakeOf(field('nms_radius'), 17)).toBe('expected an integer, 1 to 16 px');
  });
});
