/** Figures as people read them. */

import { expect, test } from 'vitest';
import { bytes, counted, duration, figure } from './format';

test('bytes have three digits', () => {
  expect([0, 999, 1000, 4_213_000, 999_600].map(bytes)).toEqual([
    '0\u00a0B',
    '999\u00a0B',
    '1.00\u00a0kB',
    '4.21\u00a0MB',
    '1.00\u00a0MB',
  ]);
  expect(bytes(21_474_836_480)).toBe('21.5\u00a0GB');
});

test('durations have two units', () => {
  expect([0, 0.42, 9.97, 59.4, 185, 3600, 7620].map(duration)).toEqual([
    '< 0.1 s',
    '0.4 s',
    '10 s',
    '59 s',
    '3 min 05 s',
    '1 h',
    '2 h 07 min',
  ]);
});

test('figures have three digits, and no exponent where none is needed', () => {
  expect([0, 0.123456, 42.125, 12_345.6, 1.2e-7].map(figure)).toEqual(['0', '0.123', '42.1', '12,346', '1.20e-7']);
  expect([counted(1, 'photo'), counted(1200, 'photo')]).toEqual(['1 photo', '1,200 photos']);
});
