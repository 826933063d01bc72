/** Asks before a job is deleted with all that it wrote. */

import type { JobSummary } from '../api/generated';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { counted, dateTime } from '../ui/format';
import { pipelineOf } from './state';
import { useDelete } from './useJobActions';

interface DeleteDialogProps {
  job: JobSummary;
  open: boolean;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteDialog({ job, open, onClose, onDeleted }: DeleteDialogProps) {
  const remove = useDelete();
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <Dialog
      title="Delete this reconstruction?"
      open={open}
      onClose={close}
      actions={
        <>
          <Button onClick={close}>Keep it</Button>
          <Button
            kind="danger"
            busy={remove.isPending}
            onClick={() =>
              remove.mutate(job.id, {
                onSuccess: () => {
                  close();
                  onDeleted?.();
                },
              })
            }
          >
            Delete
          </Button>
        </>
      }
    >
      <p>
        {counted(job.num_images, 'photo')} by {pipelineOf(job)}, asked for {dateTime(job.created_at)}. The model, its
        files and its log are removed for good. The photos stay for other reconstructions.
      </p>
      {remove.error ? <ErrorNotice error={remove.error} title="It was not deleted" /> : null}
    </Dialog>
  );
}
