/** Lengths: in the model's own units until somebody says how long something is. */

import type { Similarity } from '../frames';
import { norm, sub, type Vec3 } from '../vec';

/** Shown units between the ends, which are in the world frame. */
export function lengthOf(measured: readonly Vec3[], shownFromWorld: Similarity): number | null {
  const [a, b] = measured;
  return a && b ? shownFromWorld.scale * norm(sub(b, a)) : null;
}

/** Metres a unit, if something of so many units is so long; `null` for what is no length. */
export function scaleFrom(units: number, metres: number): number | null {
  return units > 0 && metres > 0 && Number.isFinite(metres) ? metres / units : null;
}

/** `3.42 m`, `12.6 cm`, `1.20 km`; without a scale `3.42 units`. */
export function formatLength(units: number, metresPerUnit: number | null): string {
  if (metresPerUnit === null) return `${three(units)} units`;
  const metres = units * metresPerUnit;
  if (metres >= 1000) return `${three(metres / 1000)} km`;
  if (metres >= 1) return `${three(metres)} m`;
  if (metres >= 0.01) return `${three(metres * 100)} cm`;
  return `${three(metres * 1000)} mm`;
}

const UNITS = { mm: 0.001, cm: 0.01, m: 1, km: 1000, ft: 0.3048, in: 0.0254 } as const;

/** Metres of `2.5`, `2,5 m`, `30 cm`, `8 ft`; `null` if it is no length. */
export function parseLength(text: string): number | null {
  const [, digits, unit = 'm'] = text.trim().match(/^(\d+(?:[.,]\d+)?|[.,]\d+)\s*(mm|cm|km|m|ft|in)?$/i) ?? [];
  if (digits === undefined) return null;
  const metres = Number(digits.replace(',', '.')) * UNITS[unit.toLowerCase() as keyof typeof UNITS];
  return metres > 0 && Number.isFinite(metres) ? metres : null;
}

function three(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, digits));
}
