/** How long each stage took, as bars; two runs stand one below the other. */

import { STAGE_WORDS } from '../jobs/state';
import type { ReportStage } from '../report/report';
import { count, duration } from '../ui/format';

interface Run {
  name: string;
  stages: readonly ReportStage[];
}

const FILLS = ['bg-accent', 'bg-line-strong'];

export function StageTimes({ runs }: { runs: readonly Run[] }) {
  const longest = Math.max(...runs.flatMap(({ stages }) => stages.map(({ secs }) => secs)), 1e-9);
  const names = [...new Set(runs.flatMap(({ stages }) => stages.map(({ name }) => name)))];
  return (
    <ul className="flex flex-col gap-3">
      {names.map((name) => (
        <li key={name} className="grid grid-cols-[6.5rem_1fr] gap-x-3 sm:grid-cols-[8rem_1fr]">
          <span>{STAGE_WORDS[name] ?? name}</span>
          <div className="flex flex-col gap-1">
            {runs.map((run, index) => {
              const stage = run.stages.find((one) => one.name === name);
              return (
                <p key={run.name} className="grid grid-cols-[1fr_auto] items-center gap-3">
                  <span className="h-3">
                    <span
                      className={`block h-full min-w-px rounded-sm ${FILLS[index]}`}
                      style={{ width: `${stage ? (100 * stage.secs) / longest : 0}%` }}
                    />
                  </span>
                  <span className="w-34 text-right text-sm whitespace-nowrap sm:w-44">
                    {runs.length > 1 ? <span className="sr-only">{run.name}: </span> : null}
                    {stage ? inWords(stage) : 'not run'}
                  </span>
                </p>
              );
            })}
          </div>
        </li>
      ))}
    </ul>
  );
}

function inWords({ secs, items, unit, reused }: ReportStage): string {
  return `${duration(secs)} · ${reused ? 'taken from before' : `${count(items)} ${unit}`}`;
}
