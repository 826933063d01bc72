/** Two scenes side by side in one frame: what is turned in one turns in the other. */

import { useCallback, useMemo, useState } from 'react';
import { alignScenes, viewOfOther } from '../scene/compare';
import { jobSource } from '../scene/ScenePage';
import { SceneViewer } from '../scene/SceneViewer';
import type { TilesIndex } from '../scene/tiles/format';
import { decodeView, type ViewState } from '../scene/view/viewState';
import { count, figure } from '../ui/format';

export function CompareScenes({ a, b }: { a: string; b: string }) {
  const [indexA, setIndexA] = useState<TilesIndex>();
  const [indexB, setIndexB] = useState<TilesIndex>();
  const sources = useMemo(() => ({ a: jobSource(a), b: jobSource(b) }), [a, b]);
  const [view, setView] = useState(() => decodeView(''));
  const change = useCallback((next: Partial<ViewState>) => setView((before) => ({ ...before, ...next })), []);
  const { up } = view;
  const pair = useMemo(() => (indexA && indexB ? alignScenes(indexA, indexB, up) : undefined), [indexA, indexB, up]);
  const viewB = pair ? viewOfOther(view, pair.alignment) : view;
  // a scale that was set, and what was measured, are told in the world of A
  const changeB = useCallback(
    ({ metresPerUnit: _scale, measured: _measured, ...shared }: Partial<ViewState>) => change(shared),
    [change],
  );
  return (
    <div className="flex flex-col">
      <div className="grid gap-px bg-line md:grid-cols-2">
        <div className="h-80 md:h-[26rem]">
          <SceneViewer
            source={sources.a}
            view={view}
            onViewChange={change}
            onOpen={setIndexA}
            shownFromWorld={pair?.a}
            label="Scene of A"
          />
        </div>
        <div className="h-80 md:h-[26rem]">
          <SceneViewer
            source={sources.b}
            view={viewB}
            onViewChange={changeB}
            onOpen={setIndexB}
            shownFromWorld={pair?.b}
            label="Scene of B"
          />
        </div>
      </div>
      <p role="status" className="border-t border-line px-4 py-2 text-sm text-muted">
        {toldOf(pair, indexA, indexB)}
      </p>
    </div>
  );
}

type Pair = ReturnType<typeof alignScenes>;

function toldOf(pair: Pair | undefined, a: TilesIndex | undefined, b: TilesIndex | undefined): string {
  if (pair === undefined || !a || !b) return 'A left, B right: laid over each other when both are open.';
  if (!pair) return 'A left, B right. They share no two cameras, so neither can be laid over the other.';
  const { numInliers, numShared, rmsUnits } = pair.alignment;
  return (
    `A left, B right, laid over each other by ${count(numInliers)} of ${count(numShared)} cameras that both have; ` +
    `these stand ${figure(rmsUnits)} units of A apart (root mean square).`
  );
}
