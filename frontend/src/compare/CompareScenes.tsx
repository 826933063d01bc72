/** Two scenes side by side in one frame: what is turned in one turns in the other; each is measured by itself, to one scale. */

import { useCallback, useMemo, useState } from 'react';
import { alignScenes } from '../scene/compare';
import { type Similarity, shownFromWorld } from '../scene/frames';
import { jobSource } from '../scene/ScenePage';
import { SceneViewer } from '../scene/SceneViewer';
import type { TilesIndex } from '../scene/tiles/format';
import type { Vec3 } from '../scene/vec';
import { formatLength, lengthOf } from '../scene/view/measure';
import { decodeView, type ViewState } from '../scene/view/viewState';
import { count, figure } from '../ui/format';

/** Of the view, what belongs to one scene only: ends are places of its world. */
interface Own {
  measured: readonly Vec3[];
  /** Used where the scenes could not be laid over each other, and so have no unit in common. */
  metresPerUnit: number | null;
}

const NOTHING: Own = { measured: [], metresPerUnit: null };

export function CompareScenes({ a, b }: { a: string; b: string }) {
  const [indexA, setIndexA] = useState<TilesIndex>();
  const [indexB, setIndexB] = useState<TilesIndex>();
  const sources = useMemo(() => ({ a: jobSource(a), b: jobSource(b) }), [a, b]);
  const [view, setView] = useState(() => decodeView(''));
  const [ownB, setOwnB] = useState(NOTHING);
  const { up } = view;
  const pair = useMemo(() => (indexA && indexB ? alignScenes(indexA, indexB, up) : undefined), [indexA, indexB, up]);
  const hasOneScale = pair !== null;
  const viewB = { ...view, ...ownB, ...(hasOneScale ? { metresPerUnit: view.metresPerUnit } : {}) };
  const change = useCallback((next: Partial<ViewState>) => setView((before) => ({ ...before, ...next })), []);
  const changeB = useCallback(
    ({ measured, metresPerUnit, ...shared }: Partial<ViewState>) => {
      if (measured) setOwnB((before) => ({ ...before, measured }));
      if (metresPerUnit !== undefined && !hasOneScale) setOwnB((before) => ({ ...before, metresPerUnit }));
      change(metresPerUnit !== undefined && hasOneScale ? { ...shared, metresPerUnit } : shared);
    },
    [change, hasOneScale],
  );
  const lengths = [
    lengthIn('A', view, pair?.a ?? (indexA && shownFromWorld(indexA, up))),
    lengthIn('B', viewB, pair?.b ?? (indexB && shownFromWorld(indexB, up))),
  ].filter(Boolean);
  return (
    <div className="flex flex-col">
      <div className="grid gap-px bg-line md:grid-cols-2">
        <div className="relative h-80 md:h-[26rem]">
          <SceneViewer
            source={sources.a}
            view={view}
            onViewChange={change}
            onOpen={setIndexA}
            shownFromWorld={pair?.a}
            label="Scene of A"
          />
          <Letter>A</Letter>
        </div>
        <div className="relative h-80 md:h-[26rem]">
          <SceneViewer
            source={sources.b}
            view={viewB}
            onViewChange={changeB}
            onOpen={setIndexB}
            shownFromWorld={pair?.b}
            label="Scene of B"
          />
          <Letter>B</Letter>
        </div>
      </div>
      <div role="status" className="flex flex-col gap-1 border-t border-line px-4 py-2 text-sm text-muted">
        {lengths.length > 0 ? <p className="text-ink">Measured: {lengths.join(', ')}.</p> : null}
        <p>{toldOf(pair, indexA, indexB)}</p>
      </div>
    </div>
  );
}

/** Which of the two is seen here. */
function Letter({ children }: { children: string }) {
  return (
    <span
      aria-hidden="true"
      className="pointer-events-none absolute right-2 bottom-2 grid size-7 place-items-center rounded-md border border-line bg-raised font-semibold sm:right-3 sm:bottom-3"
    >
      {children}
    </span>
  );
}

function lengthIn(name: string, { measured, metresPerUnit }: Own, shown: Similarity | undefined): string {
  const units = shown ? lengthOf(measured, shown) : null;
  return units === null ? '' : `${name} ${formatLength(units, metresPerUnit)}`;
}

type Pair = ReturnType<typeof alignScenes>;

function toldOf(pair: Pair | undefined, a: TilesIndex | undefined, b: TilesIndex | undefined): string {
  if (pair === undefined || !a || !b) return 'They are laid over each other when both are open.';
  if (!pair) return 'They share no two cameras, so neither can be laid over the other.';
  const { numInliers, numShared, rmsUnits } = pair.alignment;
  return (
    `Laid over each other by ${count(numInliers)} of ${count(numShared)} cameras that both have; ` +
    `these stand ${figure(rmsUnits)} units of A apart (root mean square).`
  );
}
