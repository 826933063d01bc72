/** One side of a comparison: which of the jobs that succeeded. */

import { useQuery } from '@tanstack/react-query';
import type { JobSummary } from '../api/generated';
import { listJobsOptions } from '../api/generated/@tanstack/react-query.gen';
import { shortId } from '../jobs/JobRow';
import { pipelineOf } from '../jobs/state';
import { Field } from '../ui/Field';
import { counted, dateTime } from '../ui/format';

/** As many as the service lists at once. */
const MAX_LISTED = 200;

interface JobPickerProps {
  side: 'A' | 'B';
  id: string;
  /** What it is compared with: jobs of as many photos stand first. */
  other: JobSummary | undefined;
  onChange: (id: string) => void;
}

export function JobPicker({ side, id, other, onChange }: JobPickerProps) {
  const { data } = useQuery(listJobsOptions({ query: { state: 'succeeded', limit: MAX_LISTED } }));
  const jobs = (data?.jobs ?? []).filter((job) => job.id !== other?.id);
  const isLike = (job: JobSummary) => other !== undefined && job.num_images === other.num_images;
  const alike = jobs.filter(isLike);
  const rest = jobs.filter((job) => !isLike(job));
  const isListed = id === '' || jobs.some((job) => job.id === id);
  return (
    <Field label={`Reconstruction ${side}`}>
      {(control) => (
        <select {...control} className="control" value={id} onChange={(event) => onChange(event.target.value)}>
          <option value="">choose one</option>
          {isListed ? null : <option value={id}>{shortId(id)}</option>}
          {alike.length > 0 ? <optgroup label="as many photos">{alike.map(option)}</optgroup> : null}
          {rest.length > 0 ? (
            <optgroup label={alike.length > 0 ? 'others' : 'reconstructions'}>{rest.map(option)}</optgroup>
          ) : null}
        </select>
      )}
    </Field>
  );
}

function option(job: JobSummary) {
  return (
    <option key={job.id} value={job.id}>
      {[pipelineOf(job), counted(job.num_images, 'photo'), dateTime(job.created_at), shortId(job.id)].join(' · ')}
    </option>
  );
}
