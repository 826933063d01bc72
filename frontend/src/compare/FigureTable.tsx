/** Figures of two jobs, and which has the better one. */

import { Link } from 'react-router';
import { pipelineOf } from '../jobs/state';
import { Badge, type Tone } from '../ui/Badge';
import { count, figure } from '../ui/format';
import { Cell, Head, Table } from '../ui/Table';
import type { Side } from './Comparison';
import { type ComparedFigure, figuresOf, verdictOf } from './differences';

const TONES: Record<string, Tone> = { better: 'ok', worse: 'warn', alike: 'neutral' };

export function FigureTable({ a, b }: { a: Side; b: Side }) {
  return (
    <Table caption="Figures">
      <thead>
        <tr>
          <Head>Figure</Head>
          <Head figures>
            A<JobLink side={a} />
          </Head>
          <Head figures>
            B<JobLink side={b} />
          </Head>
          <Head figures>A → B</Head>
        </tr>
      </thead>
      <tbody>
        {figuresOf(a.report, b.report).map((one) => {
          const verdict = verdictOf(one);
          return (
            <tr key={one.name}>
              <Cell>
                {one.name} <span className="text-sm text-muted">{one.unit}</span>
              </Cell>
              <Cell figures>{told(one.a)}</Cell>
              <Cell figures>{told(one.b)}</Cell>
              <Cell figures>
                {verdict === 'alike' ? null : <span className="max-sm:block">{change(one)}</span>}{' '}
                {verdict ? <Badge tone={TONES[verdict] ?? 'neutral'}>{verdict}</Badge> : null}
              </Cell>
            </tr>
          );
        })}
      </tbody>
    </Table>
  );
}

function JobLink({ side }: { side: Side }) {
  return (
    <span className="max-sm:hidden">
      {' '}
      ·{' '}
      <Link to={`/jobs/${side.job.id}`} className="text-accent-strong normal-case underline underline-offset-2">
        {pipelineOf(side.job)}
      </Link>
    </span>
  );
}

function told(value: number | undefined): string {
  if (value === undefined) return '–';
  return Number.isInteger(value) ? count(value) : figure(value);
}

/** In per cent of a. */
function change({ a, b }: ComparedFigure): string {
  if (a === undefined || b === undefined || a === 0 || a === b) return '';
  const percent = (100 * (b - a)) / Math.abs(a);
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}
