/** Mean times of stages, by the plugins that ran them. */

import { STAGE_WORDS } from '../jobs/state';
import { count, duration } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { type Sample, stageMeans } from './metrics';

export function StageTable({ samples }: { samples: readonly Sample[] }) {
  const order = Object.keys(STAGE_WORDS);
  const means = stageMeans(samples).sort((a, b) => order.indexOf(a.stage) - order.indexOf(b.stage));
  return (
    <Panel title="Stages" flush>
      {means.length === 0 ? <p className="p-4 text-muted">No stage ran yet.</p> : null}
      {means.length > 0 ? (
        <Table caption="Stages">
          <thead>
            <tr>
              <Head>Stage</Head>
              <Head>Plugin</Head>
              <Head figures>Runs</Head>
              <Head figures>Mean time</Head>
            </tr>
          </thead>
          <tbody>
            {means.map((one) => (
              <tr key={`${one.stage} ${one.plugin}`}>
                <Cell>{STAGE_WORDS[one.stage] ?? one.stage}</Cell>
                <Cell>{one.plugin}</Cell>
                <Cell figures>{count(one.runs)}</Cell>
                <Cell figures>{duration(one.meanSecs)}</Cell>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : null}
    </Panel>
  );
}
