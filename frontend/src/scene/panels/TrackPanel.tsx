/** A point that was clicked: what is known of it, and the photos that see it. */

import { Button } from '../../ui/Button';
import { counted, figure } from '../../ui/format';
import { CloseIcon } from '../../ui/icons';
import type { TilesIndex } from '../tiles/format';
import type { SceneSource } from '../tiles/source';
import type { Track } from '../tiles/TilesFile';
import type { Observation } from '../tiles/track';
import { usePhoto } from '../usePhoto';
import type { Vec3 } from '../vec';
import { cropAround } from './crop';

export interface ChosenPoint {
  /** World frame. */
  position: Vec3;
  errorPx: number | null;
  track: { state: 'loading' } | { state: 'failed' } | { state: 'there'; track: Track };
}

interface TrackPanelProps {
  source: SceneSource;
  index: TilesIndex;
  point: ChosenPoint;
  onThrough: (name: string) => void;
  onClose: () => void;
  onRetry: () => void;
}

export function TrackPanel({ source, index, point, onThrough, onClose, onRetry }: TrackPanelProps) {
  const { track } = point;
  return (
    <section aria-label="Chosen point" className="flex min-h-0 flex-col">
      <header className="flex items-center justify-between gap-2 border-b border-line py-1 pr-1 pl-3">
        <h2 className="truncate font-medium">{track.state === 'there' ? `Point ${track.track.id}` : 'Point'}</h2>
        <Button kind="quiet" aria-label="Close the point" className="px-2" onClick={onClose} icon={<CloseIcon />} />
      </header>
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 px-3 py-2 text-sm">
        <dt className="text-muted">Position</dt>
        <dd>{point.position.map(figure).join(', ')}</dd>
        <dt className="text-muted">Reprojection error</dt>
        <dd>{point.errorPx === null ? 'not computed' : `${figure(point.errorPx)} px`}</dd>
        <dt className="text-muted">Seen in</dt>
        <dd>{track.state === 'there' ? counted(track.track.observations.length, 'photo') : '…'}</dd>
      </dl>
      {track.state === 'failed' ? (
        <div className="flex flex-col gap-2 px-3 pb-3">
          <p className="text-bad">The photos of this point could not be fetched.</p>
          <Button onClick={onRetry}>Try again</Button>
        </div>
      ) : null}
      {track.state === 'there' ? (
        <ul className="grid grid-cols-2 gap-2 overflow-y-auto px-3 pb-3">
          {track.track.observations.map((observation, i) => (
            // an image may see a point twice
            // biome-ignore lint/suspicious/noArrayIndexKey: the list of a point never changes
            <Seen key={i} source={source} index={index} observation={observation} onThrough={onThrough} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

interface SeenProps {
  source: SceneSource;
  index: TilesIndex;
  observation: Observation;
  onThrough: (name: string) => void;
}

function Seen({ source, index, observation, onThrough }: SeenProps) {
  const image = index.images[observation.image];
  const { url, isMissing } = usePhoto(source, image?.name ?? null, 'large');
  const camera = image && index.cameras[image.camera];
  if (!image || !camera) return null;
  const crop = cropAround(observation.x, observation.y, camera.image_size);
  const [width, height] = camera.image_size;
  const place = `${Math.round(observation.x * width)}, ${Math.round(observation.y * height)} px`;
  return (
    <li className="min-w-0">
      <button
        type="button"
        aria-label={`Look through ${image.name}, which sees the point at ${place}`}
        onClick={() => onThrough(image.name)}
        className="flex w-full flex-col gap-1 rounded-sm text-left"
      >
        <span
          className="relative block aspect-square w-full overflow-hidden rounded-sm border border-line bg-sunken"
          style={
            url
              ? {
                  backgroundImage: `url(${url})`,
                  backgroundSize: crop.backgroundSize,
                  backgroundPosition: crop.backgroundPosition,
                }
              : undefined
          }
        >
          {isMissing ? (
            <span className="absolute inset-0 grid place-items-center text-sm text-muted">no photo</span>
          ) : null}
          <span
            className="absolute size-4 -translate-1/2 rounded-full border-2 border-accent outline outline-1 outline-ground"
            style={{ left: `${100 * crop.mark.x}%`, top: `${100 * crop.mark.y}%` }}
          />
        </span>
        <span className="w-full truncate text-sm">{image.name}</span>
      </button>
    </li>
  );
}
