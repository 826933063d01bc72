/** A pipeline's config: TOML as text, the stages that it names, and single values changed in it. */

import { parse, stringify, TomlError } from 'smol-toml';
import type { Value } from '../plugins/schema';

type Table = Record<string, unknown>;

/** A table of the config that names a plugin. */
export interface Stage {
  /** As mistakes name it: `features.0.extractor`. */
  path: string;
  kind: 'extractor' | 'matcher' | 'mapper';
  plugin: string;
  values: Readonly<Record<string, Value | undefined>>;
}

export type Parsed = { ok: true; stages: Stage[] } | { ok: false; mistake: string };

/** The stages in the order in which they run. */
export function stagesOf(toml: string): Parsed {
  let config: Table;
  try {
    config = parse(toml);
  } catch (error) {
    const mistake = error instanceof TomlError ? `line ${error.line}: ${error.message.split('\n')[0]}` : String(error);
    return { ok: false, mistake };
  }
  const features = Array.isArray(config['features']) ? config['features'].filter(isTable) : [];
  const stages = features.flatMap((entry, index) => [
    ...stageOf(`features.${index}.extractor`, 'extractor', entry['extractor']),
    ...stageOf(`features.${index}.matcher`, 'matcher', entry['matcher']),
  ]);
  return { ok: true, stages: [...stages, ...stageOf('mapper', 'mapper', config['mapper'])] };
}

function stageOf(path: string, kind: Stage['kind'], table: unknown): Stage[] {
  if (!isTable(table) || typeof table['plugin'] !== 'string') return [];
  const { plugin, ...values } = table;
  return [{ path, kind, plugin: String(plugin), values: values as Stage['values'] }];
}

/** What its author says that it is for: the comment in its first line, if that is one. */
export function aboutConfig(toml: string): string | undefined {
  return toml
    .match(/^#+[ \t]*(\S[^\n]*)/)?.[1]
    ?.replaceAll('`', '')
    .trim();
}

/** The text with one value of a stage changed, or left out to be the default; comments are lost. */
export function withValue(toml: string, stagePath: string, key: string, value: Value | undefined): string {
  const config = parse(toml) as Table;
  const stage = stagePath.split('.').reduce<unknown>((at, part) => (at as Table | undefined)?.[part], config);
  if (!isTable(stage)) return toml;
  if (value === undefined || value === null) delete stage[key];
  else stage[key] = value;
  return `${stringify(config)}\n`;
}

/** Mistakes by the path of what they are about; those that are about nothing in particular stand under ``''``. */
export function mistakesByPath(errors: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const error of errors) {
    const path =
      error.match(/`((?:features\.\d+\.\w+|mapper|pipeline|images|pairing|gather|join)(?:\.\w+)+)`/)?.[1] ?? '';
    found.set(path, [...(found.get(path) ?? []), inWords(error)]);
  }
  return found;
}

/** Without the place in the file and the path, which the field itself shows. */
function inWords(error: string): string {
  return error
    .replace(/^[^\s:]*:\d+:\d+: /, '')
    .replace(/^`[\w.]+`: /, '')
    .replace(/\s*\n\s*help: /g, '; ');
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
