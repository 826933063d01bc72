/** A job in the list; one that runs is followed, so that its row moves. */

import { Link } from 'react-router';
import type { JobSummary, JobView } from '../api/generated';
import { useJob } from '../live/useJob';
import { Badge } from '../ui/Badge';
import { count, dateTime, duration } from '../ui/format';
import { ProgressBar } from '../ui/ProgressBar';
import { Cell } from '../ui/Table';
import { JobMenu } from './JobMenu';
import { etaSecs, hasEnded, jobShare, pipelineOf, STAGE_WORDS, STATE_TONES } from './state';

export function JobRow({ job }: { job: JobSummary }) {
  return job.state === 'running' || job.state === 'checking' ? <RunningRow job={job} /> : <Row job={job} />;
}

function RunningRow({ job }: { job: JobSummary }) {
  const { data } = useJob(job.id);
  return <Row job={data ?? job} view={data} />;
}

function Row({ job, view }: { job: JobSummary; view?: JobView | undefined }) {
  return (
    <tr>
      <Cell>
        <Link to={`/jobs/${job.id}`} className="font-medium text-accent-strong hover:underline">
          {pipelineOf(job)}
        </Link>
        <div className="font-mono text-xs text-muted" title={job.id}>
          {shortId(job.id)}
          {job.retry_of ? ' · another try' : ''}
        </div>
      </Cell>
      <Cell className="sm:min-w-64">
        <State job={job} view={view} />
      </Cell>
      <Cell figures className="hidden sm:table-cell">
        {count(job.num_images)}
      </Cell>
      <Cell figures className="hidden sm:table-cell">
        {tookSecs(job) === undefined ? '' : duration(tookSecs(job) ?? 0)}
      </Cell>
      <Cell figures className="hidden md:table-cell">
        {dateTime(job.created_at)}
      </Cell>
      <Cell className="py-1 text-right">
        <JobMenu job={job} />
      </Cell>
    </tr>
  );
}

function State({ job, view }: { job: JobSummary; view: JobView | undefined }) {
  const badge = <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge>;
  const eta = view ? etaSecs(view) : undefined;
  const told = [stateInWords(job), eta === undefined ? '' : `${duration(eta)} to go in this stage`];
  return (
    <div className="flex flex-col gap-1.5">
      <p className="flex min-h-[1.35rem] flex-wrap items-center gap-x-2.5 gap-y-0.5">
        {badge} <span className="text-muted">{told.filter(Boolean).join(' · ')}</span>
      </p>
      {job.state === 'running' ? (
        <ProgressBar label={`Progress of ${job.id}`} share={view ? jobShare(view.stages) : undefined} />
      ) : null}
    </div>
  );
}

function stateInWords({ state, stage }: JobSummary): string {
  const word = stage ? (STAGE_WORDS[stage] ?? stage) : '';
  if (state === 'queued') return 'waits for its turn';
  if (state === 'succeeded' || !word) return '';
  // what was not found is told at the end only, and the stage that tells it is not to blame
  if (state === 'failed' && stage === 'export') return '';
  return hasEnded(state) ? `in “${word}”` : word;
}

/** The random end of an id tells jobs of one day apart. */
export function shortId(id: string): string {
  return id.length > 18 ? `job_…${id.slice(-8)}` : id;
}

/** Wall time from start to end. */
export function tookSecs({ started_at, ended_at }: JobSummary): number | undefined {
  if (!started_at || !ended_at) return undefined;
  return Math.max(0, (Date.parse(ended_at) - Date.parse(started_at)) / 1000);
}
