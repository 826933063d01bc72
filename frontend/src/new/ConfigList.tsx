/** The server's configs, one to choose. */

import { useEffect, useId } from 'react';
import type { NamedConfig } from '../api/generated';
import { aboutConfig } from './configText';
import { lastPipeline, type Pipeline } from './usePipeline';

interface ConfigListProps {
  configs: readonly NamedConfig[];
  pipeline: Pipeline;
}

export function ConfigList({ configs, pipeline }: ConfigListProps) {
  const group = useId();
  const { name, choose } = pipeline;
  useEffect(() => {
    const first = configs.find((config) => config.name === lastPipeline()) ?? configs[0];
    if (name === undefined && first) choose(first);
  }, [name, configs, choose]);
  return (
    <fieldset className="overflow-hidden rounded-md border border-line">
      <legend className="sr-only">Pipeline</legend>
      {configs.map((config) => {
        const isChosen = config.name === name;
        return (
          <label
            key={config.name}
            className={`relative flex cursor-pointer items-start gap-3 border-line px-3 py-2.5 not-last:border-b has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent ${
              isChosen ? 'bg-accent-wash' : 'hover:bg-sunken'
            }`}
          >
            <input
              type="radio"
              name={group}
              checked={isChosen}
              onChange={() => choose(config)}
              className="absolute inset-0 size-full cursor-pointer opacity-0"
            />
            <span
              aria-hidden="true"
              className={`grid size-4 shrink-0 translate-y-0.5 place-items-center rounded-full border ${isChosen ? 'border-accent' : 'border-line-strong'}`}
            >
              {isChosen ? <span className="size-2 rounded-full bg-accent" /> : null}
            </span>
            <span className="flex min-w-0 flex-1 flex-col gap-0.5">
              <span className="flex flex-wrap items-baseline justify-between gap-x-4">
                <span className="font-medium">{config.name}</span>
                <span className="text-xs text-muted">{stagesInWords(config)}</span>
              </span>
              <span className="text-sm text-pretty text-muted empty:hidden">{aboutConfig(config.toml)}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

/** `aliked → lightglue → colmap`; where several kinds of features are matched, `aliked → mast3r, superpoint → mast3r, colmap`. */
function stagesInWords({ stages }: NamedConfig): string {
  const isOne = stages.filter((stage) => stage.kind === 'matcher').length < 2;
  const behind = (kind: string) => (kind === 'extractor' || (isOne && kind === 'matcher') ? ' → ' : ', ');
  return stages
    .map(({ kind, plugin }) => plugin + behind(kind))
    .join('')
    .replace(/( → |, )$/, '');
}
