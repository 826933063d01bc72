/** The way from a job to its scene. */

import type { JobView } from '../api/generated';
import { useDownload } from '../jobs/useJobActions';
import { Button } from '../ui/Button';
import { DownloadIcon } from '../ui/icons';
import { Panel } from '../ui/Panel';

export function ScenePanel({ job }: { job: JobView }) {
  const download = useDownload(job.id);
  return (
    <Panel title="Scene">
      <Button
        kind="primary"
        icon={<DownloadIcon />}
        busy={download.isPending}
        onClick={() => download.mutate('points.ply')}
      >
        Download the points
      </Button>
    </Panel>
  );
}
