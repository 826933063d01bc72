/** The scenes of two jobs; Three.js is large, and comes when there is something to show. */

import { lazy, Suspense } from 'react';
import { Panel } from '../ui/Panel';

const CompareScenes = lazy(async () => ({ default: (await import('./CompareScenes')).CompareScenes }));

export function ScenesPanel({ a, b }: { a: string; b: string }) {
  return (
    <Panel title="Scenes" flush>
      <Suspense fallback={<p className="p-4 text-muted">Loading the viewer…</p>}>
        <CompareScenes key={`${a} ${b}`} a={a} b={b} />
      </Suspense>
    </Panel>
  );
}
