/** The test behind a drift verdict: each feature's statistic, effect size and threshold. */

import type { DriftVerdict } from '../api/generated';
import { FEATURE_WORDS } from '../drift/words';
import { Badge } from '../ui/Badge';
import { figure } from '../ui/format';
import { Cell, Head, Table } from '../ui/Table';

export function DriftFigures({ verdict }: { verdict: DriftVerdict }) {
  const { thresholds, features } = verdict;
  if (features.length === 0) return null;
  return (
    <div className="flex flex-col gap-2">
      {thresholds ? (
        <p className="text-sm text-muted">
          A feature has moved when its adjusted p is below {figure(thresholds.max_p_adjusted)} and its distance is at
          least {figure(thresholds.min_wasserstein)} standard deviations.
        </p>
      ) : null}
      <div className="rounded-md border border-line">
        <Table caption="Drift of each feature">
          <thead>
            <tr>
              <Head>Feature</Head>
              <Head>Verdict</Head>
              <Head figures>
                Distance, <span className="normal-case">σ</span>
              </Head>
              <Head figures>KS statistic</Head>
              <Head figures>Adjusted p</Head>
              <Head figures>PSI</Head>
              <Head figures>Mean</Head>
              <Head figures>Usual mean</Head>
            </tr>
          </thead>
          <tbody>
            {features.map((one) => (
              <tr key={one.feature}>
                <Cell>{FEATURE_WORDS[one.feature].name}</Cell>
                <Cell>
                  <Badge tone={one.drifted ? 'warn' : 'neutral'}>{one.drifted ? 'moved' : 'as usual'}</Badge>
                </Cell>
                <Cell figures>{figure(one.wasserstein)}</Cell>
                <Cell figures>{figure(one.ks)}</Cell>
                <Cell figures>{figure(one.p_adjusted)}</Cell>
                <Cell figures>{figure(one.psi)}</Cell>
                <Cell figures>{figure(one.mean)}</Cell>
                <Cell figures>{figure(one.baseline_mean)}</Cell>
              </tr>
            ))}
          </tbody>
        </Table>
      </div>
    </div>
  );
}
