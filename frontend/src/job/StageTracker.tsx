/** The stages of a job in order: where it is, how long each took, how much it did, how fast, and what was there before. */

import type { JobView, StageProgress, StageState } from '../api/generated';
import { countsItems, hasEnded, STAGE_WORDS, stageShare } from '../jobs/state';
import { useNow } from '../state/useNow';
import type { Tone } from '../ui/Badge';
import { count, duration, figure } from '../ui/format';
import { CheckIcon, CloseIcon } from '../ui/icons';
import { Panel } from '../ui/Panel';
import { ProgressBar } from '../ui/ProgressBar';

export function StageTracker({ job }: { job: JobView }) {
  const now = useNow(1000, !hasEnded(job.state));
  return (
    <Panel title="Stages" aside={<Total job={job} now={now} />} flush>
      <ol className="divide-y divide-line">
        {job.stages.map((stage) => (
          <li key={stage.stage} className="flex gap-3 px-4 py-2.5">
            <Mark state={stage.state} isOver={hasEnded(job.state)} />
            <div className="flex min-w-0 flex-1 flex-col gap-1">
              <p className="flex items-baseline justify-between gap-3">
                <span className={stage.state === 'waiting' ? 'text-muted' : 'font-medium'}>
                  {STAGE_WORDS[stage.stage] ?? stage.stage}
                </span>
                <span>{timeOf(stage, now)}</span>
              </p>
              {stage.state === 'running' ? (
                <ProgressBar label={STAGE_WORDS[stage.stage] ?? stage.stage} share={stageShare(stage)} />
              ) : null}
              <p className="text-sm text-muted empty:hidden">{detailOf(stage, job)}</p>
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Total({ job, now }: { job: JobView; now: number }) {
  if (!job.started_at) return null;
  const end = job.ended_at ? Date.parse(job.ended_at) : now;
  return (
    <p className="text-sm text-muted">
      {duration(Math.max(0, end - Date.parse(job.started_at)) / 1000)}
      {job.attempts > 1 ? ` · attempt ${job.attempts}` : ''}
    </p>
  );
}

const TONES: Record<StageState, Tone> = { waiting: 'neutral', running: 'accent', finished: 'ok', failed: 'bad' };
const COLOURS: Record<string, string> = {
  neutral: 'border-line text-muted',
  accent: 'border-accent text-accent',
  ok: 'border-ok text-ok',
  bad: 'border-bad text-bad',
};

function Mark({ state, isOver }: { state: StageState; isOver: boolean }) {
  const word = state === 'waiting' && isOver ? 'not run' : state;
  return (
    <span
      className={`mt-0.5 flex size-4.5 shrink-0 items-center justify-center rounded-full border ${COLOURS[TONES[state]]}`}
    >
      <span className="sr-only">{word}</span>
      {state === 'finished' ? <CheckIcon className="size-3" /> : null}
      {state === 'failed' ? <CloseIcon className="size-3" /> : null}
      {state === 'running' ? (
        <span aria-hidden="true" className="size-1.5 animate-pulse rounded-full bg-accent" />
      ) : null}
    </span>
  );
}

function timeOf(stage: StageProgress, now: number): string {
  if (stage.secs !== null && stage.secs !== undefined) return duration(stage.secs);
  if (stage.state !== 'running' || !stage.began_at) return '';
  return duration(Math.max(0, now - stage.began_at) / 1000);
}

/** Counts, rate, what was taken from before, time to go. */
export function detailOf(stage: StageProgress, { num_images }: Pick<JobView, 'num_images'>): string {
  if (stage.state === 'waiting') return '';
  const counts = countsItems(stage, num_images);
  const share = stageShare(stage);
  const done = counts
    ? `${count(stage.done)}${stage.total && stage.state !== 'finished' ? ` of ${count(stage.total)}` : ''} ${stage.unit}`
    : `${Math.round(100 * (share ?? 0))} %`;
  // what took no time to speak of has no rate either
  const hasRate = counts && stage.rate_per_sec && (stage.secs ?? 1) >= 0.1;
  return [
    done,
    hasRate ? `${figure(stage.rate_per_sec ?? 0)} a second` : '',
    stage.reused > 0
      ? stage.reused === stage.done
        ? 'all taken from before'
        : `${count(stage.reused)} taken from before`
      : '',
    stage.eta_secs && stage.state === 'running' ? `${duration(stage.eta_secs)} to go` : '',
  ]
    .filter(Boolean)
    .join(' · ');
}
