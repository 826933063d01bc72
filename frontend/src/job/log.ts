/** What a job told, line by line: of its log, of its events, without what came twice. */

import { STAGE_WORDS } from '../jobs/state';
import type { ServerEvent } from '../live/serverEvents';
import { counted, duration } from '../ui/format';

export interface LogLine {
  /** RFC 3339, UTC. */
  at: string;
  /** Kind of the event, or level and target of a message. */
  kind: string;
  /** The message, or the event's JSON. */
  text: string;
}

/** Lines that are kept; of more, the last. */
const MAX_LINES = 10_000;

/** As `GET /jobs/{id}/logs` writes them: `TIME KIND: TEXT`. */
export function parsedLog(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    const parts = /^(\S+) ([^:]*(?:::[^:]*)*): (.*)$/.exec(line);
    return parts ? [{ at: parts[1] ?? '', kind: parts[2] ?? '', text: parts[3] ?? '' }] : [];
  });
}

/** The line of an event; none of progress, which is no news worth keeping. */
export function lineOf({ kind, data }: ServerEvent): LogLine | undefined {
  if (kind === 'progress') return undefined;
  const { at, ...body } = JSON.parse(data) as { at: string; level?: string; target?: string; message?: string };
  const isMessage = body.level !== undefined && body.target !== undefined;
  return {
    at,
    kind: isMessage ? `${body.level} ${body.target}` : kind,
    text: body.message ?? JSON.stringify(body),
  };
}

/** Where the log and the events overlap, a line stands once. */
export function merged(log: readonly LogLine[], fresh: readonly LogLine[]): LogLine[] {
  const first = fresh[0];
  if (!first) return [...log];
  const known = new Set(log.filter((line) => line.at >= first.at).map(identity));
  return [...log, ...fresh.filter((line) => !known.has(identity(line)))].slice(-MAX_LINES);
}

/** The text of an event is not written alike in both; its time in milliseconds and its kind tell it well enough. */
function identity({ at, kind, text }: LogLine): string {
  return text.startsWith('{') ? `${at} ${kind} ${text.length}` : `${at} ${kind} ${text}`;
}

export type Level = 'error' | 'warn' | 'info';

export function levelOf({ kind, text }: LogLine): Level {
  const word = kind.split(' ')[0]?.toLowerCase();
  if (word === 'error' || (kind === 'state' && text.includes('"state":"failed"'))) return 'error';
  return word === 'warn' || word === 'warning' ? 'warn' : 'info';
}

/** Events as people read them; messages as they are. */
export function inWords(line: LogLine): string {
  if (!line.text.startsWith('{')) return line.text;
  const body = parsedBody(line.text);
  const stage = STAGE_WORDS[String(body['stage'])] ?? String(body['stage']);
  switch (line.kind) {
    case 'state':
      return stateInWords(body);
    case 'stage_started':
      return `${stage}: begins${by(body)}`;
    case 'stage_finished': {
      const reused = Number(body['reused']) > 0 ? `, ${body['reused']} taken from before` : '';
      return `${stage}: ${counted(Number(body['items']), 'item')} in ${duration(Number(body['secs']))}${reused}`;
    }
    case 'artifact':
      return `wrote ${body['name']}`;
    default:
      return otherInWords(line.kind, body);
  }
}

function spaced(name: string): string {
  return name.replaceAll('_', ' ');
}

/** `cancel requested`, `stage retried: stage map, attempt 2`. */
function otherInWords(kind: string, body: Record<string, unknown>): string {
  const details = Object.entries(body)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${spaced(key)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return [spaced(kind), details.join(', ')].filter(Boolean).join(': ');
}

function stateInWords(body: Record<string, unknown>): string {
  const failure = body['failure'] as { message?: string } | null;
  const attempt = Number(body['attempt']) > 1 ? ` (attempt ${body['attempt']})` : '';
  return failure?.message ? `${body['state']}: ${failure.message}` : `${body['state']}${attempt}`;
}

function by(body: Record<string, unknown>): string {
  const plugins = Array.isArray(body['plugins']) ? body['plugins'] : [];
  return plugins.length > 0 ? ` with ${plugins.join(', ')}` : '';
}

function parsedBody(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** As text, for whoever is asked for help. */
export function asText(lines: readonly LogLine[]): string {
  return lines.map(({ at, kind, text }) => `${at} ${kind}: ${text}`).join('\n');
}
