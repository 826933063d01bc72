/** A plugin's JSON Schema of its config as fields of a form. */

import { z } from 'zod';

/** A value as TOML and JSON have it. */
export type Value = string | number | boolean | null | readonly (string | number)[];

interface FieldCommon {
  key: string;
  help: string;
  unit: string | undefined;
  /** What holds where nothing is written. */
  defaultValue: Value | undefined;
}

export type SchemaField =
  | (FieldCommon & { kind: 'number'; isInteger: boolean; min: Bound; max: Bound; isOptional: boolean })
  | (FieldCommon & { kind: 'choice'; choices: readonly Choice[] })
  | (FieldCommon & { kind: 'switch' })
  | (FieldCommon & { kind: 'text' })
  | (FieldCommon & { kind: 'list'; items: 'number' | 'text' });

export type Bound = { value: number; isExclusive: boolean } | undefined;

export interface Choice {
  value: string;
  help: string;
}

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]);

/** The part of JSON Schema that plugins' configs are written in (schemars of a flat struct). */
const property = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  oneOf: z.array(z.object({ const: z.string(), description: z.string().default('') })).optional(),
  enum: z.array(z.string()).optional(),
  items: z.object({ type: z.string() }).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  description: z.string().default(''),
  default: scalar.optional(),
  'x-unit': z.string().optional(),
  'x-host-only': z.boolean().default(false),
});

type Property = z.infer<typeof property>;

const configSchema = z.object({ properties: z.record(z.string(), z.unknown()).default({}) });

/** Fields in the order of the schema; what only the server's operator may set, and what this form can't show, is left out. */
export function fieldsOf(schema: unknown): SchemaField[] {
  const parsed = configSchema.safeParse(schema);
  if (!parsed.success) return [];
  return Object.entries(parsed.data.properties).flatMap(([key, raw]) => {
    const known = property.safeParse(raw);
    const field = known.success && !known.data['x-host-only'] ? fieldOf(key, known.data) : undefined;
    return field ? [field] : [];
  });
}

function fieldOf(key: string, schema: Property): SchemaField | undefined {
  const types = [schema.type ?? []].flat();
  const common: FieldCommon = {
    key,
    // line breaks are those of the source
    help: schema.description.replace(/\s+/g, ' ').trim(),
    unit: schema['x-unit'],
    defaultValue: schema.format === 'float' ? rounded(schema.default) : schema.default,
  };
  const choices =
    schema.oneOf?.map((one) => ({ value: one.const, help: one.description })) ??
    schema.enum?.map((value) => ({ value, help: '' }));
  if (choices) return { ...common, kind: 'choice', choices };
  if (types.includes('integer') || types.includes('number')) {
    const min = bound(schema.minimum, schema.exclusiveMinimum);
    const max = bound(schema.maximum, schema.exclusiveMaximum);
    const isOptional = types.includes('null');
    return { ...common, kind: 'number', isInteger: types.includes('integer'), min, max, isOptional };
  }
  if (types.includes('boolean')) return { ...common, kind: 'switch' };
  if (types.includes('string')) return { ...common, kind: 'text' };
  if (types.includes('array') && schema.items) {
    const isNumber = schema.items.type === 'number' || schema.items.type === 'integer';
    return { ...common, kind: 'list', items: isNumber ? 'number' : 'text' };
  }
  return undefined;
}

function bound(inclusive: number | undefined, exclusive: number | undefined): Bound {
  if (exclusive !== undefined) return { value: exclusive, isExclusive: true };
  return inclusive === undefined ? undefined : { value: inclusive, isExclusive: false };
}

/** 0.1 in 32 bits is 0.10000000149011612 in 64: as it was meant. */
function rounded(value: Value | undefined): Value | undefined {
  return typeof value === 'number' ? Number(Math.fround(value).toPrecision(7)) : value;
}

/** The range and the unit in words: `1 to 16 px`, `above 0`. */
export function rangeOf(field: SchemaField): string {
  const unit = field.unit ? ` ${field.unit}` : '';
  if (field.kind !== 'number') return unit.trim();
  const { min, max } = field;
  const low = min && (min.isExclusive ? `above ${text(min.value)}` : text(min.value));
  const high = max && (max.isExclusive ? `below ${text(max.value)}` : text(max.value));
  if (low && high) return `${low}${min.isExclusive ? ', at most ' : ' to '}${high}${unit}`;
  if (low) return `${min.isExclusive ? low : `at least ${low}`}${unit}`;
  if (high) return `${max?.isExclusive ? high : `at most ${high}`}${unit}`;
  return unit.trim();
}

function text(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 7 });
}

/** What is typed, as a value; `undefined` of an empty text, which stands for the default. */
export function readTyped(field: SchemaField, typed: string): Value | undefined {
  const trimmed = typed.trim();
  if (trimmed === '') return undefined;
  if (field.kind === 'number') return numberOr(trimmed);
  if (field.kind !== 'list') return typed;
  const parts = trimmed.split(/[\s,;]+/).filter(Boolean);
  return field.items === 'number' ? parts.map(numberOr) : parts;
}

/** What is no number stays text: the server says what it expected. */
function numberOr(typed: string): number | string {
  const value = Number(typed);
  return Number.isFinite(value) ? value : typed;
}

/** A value as it is typed. */
export function typedOf(value: Value | undefined): string {
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** The mistake in a value that can be told without the server. */
export function mistakeOf(field: SchemaField, value: Value | undefined): string | undefined {
  if (value === undefined || field.kind !== 'number') return undefined;
  const expected = `expected ${field.isInteger ? 'an integer' : 'a number'}${rangeOf(field) ? `, ${rangeOf(field)}` : ''}`;
  if (typeof value !== 'number') return expected;
  const { min, max } = field;
  const isLow = min !== undefined && (min.isExclusive ? value <= min.value : value < min.value);
  const isHigh = max !== undefined && (max.isExclusive ? value >= max.value : value > max.value);
  return isLow || isHigh || (field.isInteger && !Number.isInteger(value)) ? expected : undefined;
}
