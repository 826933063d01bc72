/** Pairs of photos in figures, strongest first. */

import type { Report, ReportPair } from '../report/report';
import { count } from '../ui/format';
import { Cell, Head, Table } from '../ui/Table';

/** Rows on the page; all are in `report.json`. */
const MAX_ROWS = 200;

interface PairTableProps {
  report: Report;
  /** Strongest first. */
  verified: readonly ReportPair[];
}

export function PairTable({ report, verified }: PairTableProps) {
  const names = new Map(report.images.map(({ image_id, name }) => [image_id, name]));
  return (
    <div className="mt-3 max-h-96 overflow-auto rounded-md border border-line">
      <Table caption="Verified pairs">
        <thead>
          <tr>
            <Head>Photo</Head>
            <Head>Photo</Head>
            <Head figures>Matches</Head>
            <Head figures>Verified</Head>
            <Head>Geometry</Head>
          </tr>
        </thead>
        <tbody>
          {verified.slice(0, MAX_ROWS).map((pair) => (
            <tr key={`${pair.image1} ${pair.image2}`}>
              <Cell>{names.get(pair.image1)}</Cell>
              <Cell>{names.get(pair.image2)}</Cell>
              <Cell figures>{count(pair.num_matches)}</Cell>
              <Cell figures>{count(pair.num_inliers)}</Cell>
              <Cell>{pair.configuration?.replaceAll('_', ' ')}</Cell>
            </tr>
          ))}
        </tbody>
      </Table>
      {verified.length > MAX_ROWS ? (
        <p className="border-t border-line px-4 py-2 text-sm text-muted">
          The strongest {count(MAX_ROWS)}; report.json has all of them.
        </p>
      ) : null}
    </div>
  );
}
