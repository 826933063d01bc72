/** How the photos hold together: as a graph where the cameras stand, as a matrix, as a table. */

import { useMemo, useState } from 'react';
import { MatchGraph } from '../charts/MatchGraph';
import { MatchMatrix } from '../charts/MatchMatrix';
import { verifiedPairs } from '../charts/pairs';
import type { Report } from '../report/report';
import { count, counted } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Segments } from '../ui/Segments';
import { PairTable } from './PairTable';

/** More nodes lie on each other. */
const MAX_NODES = 300;

type View = 'graph' | 'matrix' | 'table';

export function MatchPanel({ report }: { report: Report }) {
  const verified = useMemo(() => verifiedPairs(report.pairs), [report.pairs]);
  const [view, setView] = useState<View>(report.images.length > MAX_NODES ? 'matrix' : 'graph');
  const views: { value: View; name: string }[] = [
    { value: 'graph', name: 'Graph' },
    { value: 'matrix', name: 'Matrix' },
    { value: 'table', name: 'Table' },
  ];
  const shown = report.images.length > MAX_NODES ? views.slice(1) : views;
  return (
    <Panel title="Match graph" aside={<Segments label="Show as" values={shown} value={view} onChange={setView} />}>
      <p className="text-muted">
        {count(verified.length)} of {counted(report.pairs.length, 'pair')} hold: one geometry explains their matches.
      </p>
      {view === 'graph' ? <MatchGraph report={report} verified={verified} /> : null}
      {view === 'matrix' ? <MatchMatrix report={report} /> : null}
      {view === 'table' ? <PairTable report={report} verified={verified} /> : null}
    </Panel>
  );
}
