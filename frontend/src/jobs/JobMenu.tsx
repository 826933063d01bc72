/** What can be done with a job: cancel, try again, download, delete. */

import { useState } from 'react';
import type { JobSummary } from '../api/generated';
import { IconButton } from '../ui/IconButton';
import { CloseIcon, DownloadIcon, RetryIcon, TrashIcon } from '../ui/icons';
import { DeleteDialog } from './DeleteDialog';
import { RetryDialog } from './RetryDialog';
import { hasEnded } from './state';
import { useCancel, useDownload } from './useJobActions';

export function JobMenu({ job }: { job: JobSummary }) {
  const [asked, setAsked] = useState<'retry' | 'delete'>();
  const cancel = useCancel();
  const download = useDownload(job.id);
  const close = () => setAsked(undefined);
  if (!hasEnded(job.state)) {
    return (
      <IconButton label="Cancel" busy={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
        <CloseIcon />
      </IconButton>
    );
  }
  return (
    <div className="flex justify-end">
      {job.state === 'succeeded' ? (
        <IconButton
          label="Download the points"
          className="max-sm:hidden"
          busy={download.isPending}
          onClick={() => download.mutate('points.ply')}
        >
          <DownloadIcon />
        </IconButton>
      ) : null}
      <IconButton label="Try again" onClick={() => setAsked('retry')}>
        <RetryIcon />
      </IconButton>
      <IconButton label="Delete" onClick={() => setAsked('delete')}>
        <TrashIcon />
      </IconButton>
      <RetryDialog job={job} open={asked === 'retry'} onClose={close} />
      <DeleteDialog job={job} open={asked === 'delete'} onClose={close} />
    </div>
  );
}
