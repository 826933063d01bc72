/** How much of the scene is there; the camera under the pointer. */

import { Button } from '../../ui/Button';
import { count, counted } from '../../ui/format';
import type { CloudStatus } from '../stage/PointCloud';

interface StatusLineProps {
  /** Name of the image under the pointer. */
  hovered: string | null;
  status: CloudStatus;
  numPoints: number;
  /** Nodes that could not be fetched. */
  numFailed: number;
  onRetry: () => void;
}

export function StatusLine({ hovered, status, numPoints, numFailed, onRetry }: StatusLineProps) {
  if (numFailed > 0) {
    return (
      <div
        role="alert"
        className="flex flex-wrap items-center gap-x-3 self-start rounded-md border border-warn bg-warn-wash px-3 py-1"
      >
        Parts of the scene could not be fetched.
        <Button kind="quiet" onClick={onRetry}>
          Try again
        </Button>
      </div>
    );
  }
  const shown = `${count(status.numDrawn)} of ${counted(numPoints, 'point')}`;
  return (
    <p className="pointer-events-none max-w-full self-start truncate rounded-sm bg-ground/80 px-1.5 text-sm text-muted">
      {hovered ?? (status.isLoading ? `${shown} · loading` : shown)}
    </p>
  );
}
