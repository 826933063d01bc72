/** Prometheus' text format (version 0.0.4), as far as the service writes it. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function parsedMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const parts = line.startsWith('#') ? null : LINE.exec(line);
    const [, name = '', labels = '', number = ''] = parts ?? [];
    const value = valueOfNumber(number);
    if (!parts || value === undefined) return [];
    const named = [...labels.matchAll(LABEL)].map(([, key = '', raw = '']) => [key, unescaped(raw)]);
    return [{ name, labels: Object.fromEntries(named), value }];
  });
}

function valueOfNumber(number: string): number | undefined {
  if (number === '+Inf') return Number.POSITIVE_INFINITY;
  const value = Number(number);
  return Number.isNaN(value) ? undefined : value;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
}

/** The metric of these labels; `undefined` where it was never counted. */
export function metric(
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  return ofName(samples, name, labels)[0]?.value;
}

export function ofName(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): Sample[] {
  const wanted = Object.entries(labels);
  return samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
}

export interface StageMean {
  stage: string;
  plugin: string;
  runs: number;
  meanSecs: number;
}

/** Of the histogram of stage times: how often each stage ended well, and how long it took on average. */
export function stageMeans(samples: readonly Sample[]): StageMean[] {
  const name = 'scene3d_stage_duration_seconds';
  return ofName(samples, `${name}_count`, { outcome: 'succeeded' }).map(({ labels, value: runs }) => {
    const secs = metric(samples, `${name}_sum`, labels) ?? 0;
    return { stage: labels['stage'] ?? '', plugin: labels['plugin'] ?? '', runs, meanSecs: runs > 0 ? secs / runs : 0 };
  });
}
