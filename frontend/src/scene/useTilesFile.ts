/** Opens a scene, and what draws its points. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { asApiError } from '../api/problem';
import { useIsOnline } from '../state/online';
import { useSession } from '../state/useSession';
import { TiledCloud } from './cloud/TiledCloud';
import { graphics, pointLimits } from './stage/graphics';
import { PointBudget } from './tiles/PointBudget';
import type { SceneSource } from './tiles/source';
import { TilesFile } from './tiles/TilesFile';
import { startUnpacker } from './tiles/unpacker';

export interface OpenScene {
  file: TilesFile;
  cloud: TiledCloud;
  budget: PointBudget;
}

type Opening = { state: 'loading' } | { state: 'failed'; error: unknown } | { state: 'open'; scene: OpenScene };

interface Result {
  opening: Opening;
  /** Nodes that could not be fetched. */
  numFailed: number;
  retry: () => void;
}

/** `attempt` changes when everything is to be made anew, e.g. for another canvas. */
export function useTilesFile(source: SceneSource, attempt: number, onChange: () => void): Result {
  const [tries, setTries] = useState(0);
  const [opening, setOpening] = useState<Opening>({ state: 'loading' });
  const [numFailed, setNumFailed] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` and `tries` ask for the same thing again
  useEffect(() => {
    const abort = new AbortController();
    const unpacker = startUnpacker();
    let cloud: TiledCloud | undefined;
    setOpening({ state: 'loading' });
    setNumFailed(0);
    const open = async () => {
      const file = await TilesFile.open(source, abort.signal);
      if (abort.signal.aborted) return;
      const limits = pointLimits(graphics());
      cloud = new TiledCloud(file, unpacker.unpack, limits.max, { onChange, onFailures: setNumFailed });
      setOpening({ state: 'open', scene: { file, cloud, budget: new PointBudget(limits.max, limits.first) } });
    };
    open().catch((error: unknown) => {
      if (!abort.signal.aborted) setOpening({ state: 'failed', error });
    });
    return () => {
      abort.abort();
      cloud?.close();
      unpacker.close();
    };
  }, [source, attempt, tries, onChange]);
  useReturn(opening, () => setTries((before) => before + 1));
  const retry = useMemo(
    () => () => {
      if (opening.state === 'open') {
        opening.scene.cloud.retry();
        onChange();
      } else {
        setTries((before) => before + 1);
      }
    },
    [opening, onChange],
  );
  return { opening, numFailed, retry };
}

/** What failed for want of a connection or a session is opened again once there is one. */
function useReturn(opening: Opening, onReturn: () => void) {
  const code = opening.state === 'failed' ? asApiError(opening.error).code : undefined;
  const isOnline = useIsOnline();
  const session = useSession().state;
  const returned = useRef(onReturn);
  useEffect(() => {
    returned.current = onReturn;
  });
  useEffect(() => {
    if ((code === 'offline' && isOnline) || (code === 'session_ended' && session === 'signed-in')) returned.current();
  }, [code, isOnline, session]);
}
