/** A job in the list; one that runs is followed, so that its row moves. */

import { Link } from 'react-router';
import type { JobSummary, JobView } from '../api/generated';
import { useJob } from '../live/useJob';
import { Badge } from '../ui/Badge';
import { count, dateTime, duration } from '../ui/format';
import { ProgressBar } from '../ui/ProgressBar';
import { Cell } from '../ui/Table';
import { JobMenu } from './JobMenu';
import { etaSecs, hasEnded, jobShare, STAGE_WORDS, STATE_TONES } from './state';

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
          {job.config}
        </Link>
        <div className="font-mono text-xs text-muted" title={job.id}>
          {shortId(job.id)}
          {job.retry_of ? ' · another try' : ''}
        </div>
      </Cell>
      <Cell>
        <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge>
      </Cell>
      <Cell className="min-w-44">
        <Progress job={job} view={view} />
      </Cell>
      <Cell figures>{count(job.num_images)}</Cell>
      <Cell figures>{tookSecs(job) === undefined ? '' : duration(tookSecs(job) ?? 0)}</Cell>
      <Cell figures>{dateTime(job.created_at)}</Cell>
      <Cell className="py-1 text-right">
        <JobMenu job={job} />
      </Cell>
    </tr>
  );
}

function Progress({ job, view }: { job: JobSummary; view: JobView | undefined }) {
  const stage = job.stage ? (STAGE_WORDS[job.stage] ?? job.stage) : '';
  if (job.state === 'queued') return <span className="text-muted">waits for its turn</span>;
  if (hasEnded(job.state)) {
    return <span className="text-muted">{job.state === 'succeeded' || !stage ? '' : `ended in “${stage}”`}</span>;
  }
  const eta = view ? etaSecs(view) : undefined;
  return (
    <div className="flex flex-col gap-1.5">
      <span>
        {stage || 'Checking'}
        {eta === undefined ? '' : <span className="text-muted"> · {duration(eta)} to go in this stage</span>}
      </span>
      <ProgressBar label={`Progress of ${job.id}`} share={view ? jobShare(view.stages) : undefined} />
    </div>
  );
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
