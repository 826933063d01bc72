/** The photo over the scene, where it was taken. */

import { Button } from '../../ui/Button';
import { CloseIcon } from '../../ui/icons';
import type { SceneSource } from '../tiles/source';
import { usePhoto } from '../usePhoto';
import type { Look } from '../view/lookThrough';
import { Slider } from './Choice';

interface PhotoOverlayProps {
  source: SceneSource;
  name: string;
  photo: Look['photo'];
  /** 0 the points, 1 the photo. */
  opacity: number;
}

export function PhotoOverlay({ source, name, photo, opacity }: PhotoOverlayProps) {
  const { url } = usePhoto(source, name, 'large');
  return (
    <div className="pointer-events-none absolute border border-accent" style={photo}>
      {url ? <img src={url} alt={name} className="size-full" style={{ opacity }} /> : null}
    </div>
  );
}

interface PhotoBarProps {
  name: string;
  place: number;
  numCameras: number;
  opacity: number;
  onOpacity: (opacity: number) => void;
  onStep: (by: 1 | -1) => void;
  onLeave: () => void;
}

export function PhotoBar({ name, place, numCameras, opacity, onOpacity, onStep, onLeave }: PhotoBarProps) {
  return (
    <section
      aria-label="Photo"
      className="flex w-full max-w-xl flex-wrap items-center gap-x-4 gap-y-1 rounded-lg border border-line bg-raised px-3 py-2 shadow-float"
    >
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">{name}</p>
        <p className="text-sm text-muted">
          camera {place + 1} of {numCameras}
        </p>
      </div>
      <div className="w-36">
        <Slider
          label="Photo"
          min={0}
          max={1}
          step={0.05}
          value={opacity}
          text={`${Math.round(100 * opacity)} %`}
          onChange={onOpacity}
        />
      </div>
      <div className="flex gap-1">
        <Button aria-label="Previous camera" title="Previous camera (,)" className="px-2.5" onClick={() => onStep(-1)}>
          ‹
        </Button>
        <Button aria-label="Next camera" title="Next camera (.)" className="px-2.5" onClick={() => onStep(1)}>
          ›
        </Button>
        <Button
          aria-label="Leave the camera"
          title="Leave the camera (Esc)"
          className="px-2"
          onClick={onLeave}
          icon={<CloseIcon />}
        />
      </div>
    </section>
  );
}
