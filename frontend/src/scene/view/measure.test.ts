/** Lengths and scales. */

import { describe, expect, it } from 'vitest';
import type { Similarity } from '../frames';
import { formatLength, lengthOf, parseLength, scaleFrom } from './measure';

const SHOWN: Similarity = { scale: 1, rotation: [1, 0, 0, 0], translation: [9, 9, 9] };
const ENDS = [
  [1, 2, 3],
  [1, 5, 7],
] as const;

describe('measuring', () => {
  it('needs both ends', () => {
    expect(lengthOf([], SHOWN)).toBeNull();
    expect(lengthOf(ENDS.slice(1), SHOWN)).toBeNull();
    expect(lengthOf(ENDS, SHOWN)).toBe(5);
  });

  it('is in units of what is shown: a world that is shown twice as large is twice as long', () => {
    expect(lengthOf(ENDS, { ...SHOWN, scale: 2 })).toBe(10);
  });

  it('tells lengths in fitting units, without a scale in those of the model', () => {
    expect(formatLength(3.4218, null)).toBe('3.42 units');
    expect(formatLength(5, 0.6844)).toBe('3.42 m');
    expect([0.0005, 0.0123, 0.9, 12.345, 850, 1234, 123456].map((x) => formatLength(x, 1))).toEqual([
      '0.500 mm',
      '1.23 cm',
      '90.0 cm',
      '12.3 m',
      '850 m',
      '1.23 km',
      '123 km',
    ]);
    expect(formatLength(0, 1)).toBe('0 mm');
  });

  it('sets a scale by which the same thing is as long as was said', () => {
    const scale = scaleFrom(5, 2.5);
    expect(scale).toBe(0.5);
    expect(formatLength(5, scale)).toBe('2.50 m');
  });

  it('sets no scale by nothing', () => {
    expect(scaleFrom(0, 2)).toBeNull();
    expect(scaleFrom(1, 0)).toBeNull();
  });

  it('reads lengths as people write them', () => {
    const written = ['2.5', '2,5 m', ' 30cm', '8 ft', '12 in', '1.2 KM', '.5 mm'];
    expect(written.map(parseLength)).toEqual([2.5, 2.5, 0.3, 2.4384, expect.closeTo(0.3048), 1200, 0.0005]);
    expect(['', 'm', '-2', '0', '2 yards', '1.2.3', '1e400'].map(parseLength)).toEqual(Array(7).fill(null));
  });
});
