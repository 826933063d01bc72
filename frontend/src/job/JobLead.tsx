/** Where a job is in its life, in a line. */

import { Link } from 'react-router';
import type { JobView } from '../api/generated';
import { shortId } from '../jobs/JobRow';
import { hasEnded, STATE_TONES } from '../jobs/state';
import type { Connection } from '../live/follow';
import { Badge } from '../ui/Badge';
import { bytes, counted, dateTime } from '../ui/format';

export function JobLead({ job, connection }: { job: JobView; connection: Connection }) {
  const parts = [
    `asked for ${dateTime(job.created_at)}`,
    bytes(job.num_bytes),
    job.queue_position ? `${counted(job.queue_position, 'job')} before it` : '',
  ];
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span role="status" className="flex gap-2">
        <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge>
        {job.cancel_requested && !hasEnded(job.state) ? <Badge tone="warn">being cancelled</Badge> : null}
      </span>
      <span>{parts.filter(Boolean).join(' · ')}</span>
      <span className="font-mono text-xs" title={job.id}>
        {shortId(job.id)}
      </span>
      {job.retry_of ? (
        <Link to={`/jobs/${job.retry_of}`} className="text-accent-strong underline underline-offset-2">
          another try of {shortId(job.retry_of)}
        </Link>
      ) : null}
      {hasEnded(job.state) ? null : <Freshness connection={connection} />}
    </div>
  );
}

function Freshness({ connection }: { connection: Connection }) {
  if (connection === 'opening') return null;
  const isLive = connection === 'live';
  return (
    <span
      className="flex items-center gap-1.5 text-xs"
      title={isLive ? undefined : 'Events do not come; it is asked for every few seconds.'}
    >
      <span aria-hidden="true" className={`size-1.5 rounded-full ${isLive ? 'bg-ok' : 'bg-warn'}`} />
      {isLive ? 'live' : 'every 3 s'}
    </span>
  );
}
