/** A job's scene in its overview, to turn about; the whole window is a click away. */

import { lazy, Suspense } from 'react';
import { Link } from 'react-router';
import type { JobView } from '../api/generated';
import { useDownload } from '../jobs/useJobActions';
import { Button, buttonClass } from '../ui/Button';
import { DownloadIcon } from '../ui/icons';
import { Panel } from '../ui/Panel';

// Three.js is large: it comes when there is something to show
const ScenePreview = lazy(async () => ({ default: (await import('./ScenePreview')).ScenePreview }));

export function ScenePanel({ job }: { job: JobView }) {
  const download = useDownload(job.id);
  const actions = (
    <div className="flex flex-wrap gap-2">
      <Button
        kind="quiet"
        icon={<DownloadIcon />}
        busy={download.isPending}
        onClick={() => download.mutate('points.ply')}
      >
        Points
      </Button>
      <Link to={`/jobs/${job.id}/scene`} className={buttonClass('primary')}>
        Open the scene
      </Link>
    </div>
  );
  return (
    <Panel title="Scene" aside={actions} flush>
      <div className="h-80 overflow-hidden rounded-b-lg sm:h-96">
        <Suspense fallback={<p className="p-4 text-muted">Loading the viewer…</p>}>
          <ScenePreview jobId={job.id} />
        </Suspense>
      </div>
    </Panel>
  );
}
