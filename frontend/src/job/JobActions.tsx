/** What can be done with a job, on its own page. */

import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { JobView } from '../api/generated';
import { DeleteDialog } from '../jobs/DeleteDialog';
import { RetryDialog } from '../jobs/RetryDialog';
import { hasEnded } from '../jobs/state';
import { useCancel } from '../jobs/useJobActions';
import { Button, buttonClass } from '../ui/Button';
import { RetryIcon, TrashIcon } from '../ui/icons';

export function JobActions({ job }: { job: JobView }) {
  const [asked, setAsked] = useState<'retry' | 'delete'>();
  const cancel = useCancel();
  const navigate = useNavigate();
  const close = () => setAsked(undefined);
  if (!hasEnded(job.state)) {
    return (
      <Button kind="danger" busy={cancel.isPending || job.cancel_requested} onClick={() => cancel.mutate(job.id)}>
        {job.cancel_requested ? 'Being cancelled…' : 'Cancel'}
      </Button>
    );
  }
  return (
    <>
      {job.state === 'succeeded' ? (
        <Link to={`/compare?a=${job.id}`} className={buttonClass()}>
          Compare
        </Link>
      ) : null}
      <Button icon={<RetryIcon />} onClick={() => setAsked('retry')}>
        Try again
      </Button>
      <Button kind="quiet" icon={<TrashIcon />} onClick={() => setAsked('delete')}>
        Delete
      </Button>
      <RetryDialog job={job} open={asked === 'retry'} onClose={close} />
      <DeleteDialog job={job} open={asked === 'delete'} onClose={close} onDeleted={() => navigate('/jobs')} />
    </>
  );
}
