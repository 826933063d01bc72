/** The point that was clicked, and its track once it is fetched. */

import { useCallback, useRef, useState } from 'react';
import type { ChosenPoint } from './panels/TrackPanel';
import type { PickedPoint } from './pick/pickPoint';
import { errorPx } from './tiles/payload';
import type { OpenScene } from './useTilesFile';

interface Chosen {
  point: ChosenPoint | null;
  choose: (scene: OpenScene, picked: PickedPoint) => void;
  clear: () => void;
  retry: (scene: OpenScene) => void;
}

export function useTrack(): Chosen {
  const [point, setPoint] = useState<ChosenPoint | null>(null);
  const last = useRef<{ picked: PickedPoint; abort: AbortController } | null>(null);
  const choose = useCallback((scene: OpenScene, picked: PickedPoint) => {
    last.current?.abort.abort();
    const abort = new AbortController();
    last.current = { picked, abort };
    const points = scene.cloud.drawnPoints.find(({ node }) => node === picked.node)?.points;
    const known = { position: picked.position, errorPx: points ? errorPx(points, picked.point) : null };
    setPoint({ ...known, track: { state: 'loading' } });
    scene.file.readTrack(picked.node.index, picked.point, abort.signal).then(
      (track) => abort.signal.aborted || setPoint({ ...known, track: { state: 'there', track } }),
      () => abort.signal.aborted || setPoint({ ...known, track: { state: 'failed' } }),
    );
  }, []);
  const clear = useCallback(() => {
    last.current?.abort.abort();
    setPoint(null);
  }, []);
  const retry = useCallback(
    (scene: OpenScene) => {
      if (last.current) choose(scene, last.current.picked);
    },
    [choose],
  );
  return { point, choose, clear, retry };
}
