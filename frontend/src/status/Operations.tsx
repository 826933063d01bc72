/** What the server counts: its queue, how jobs ended, how fast it works, what its devices hold. */

import { STATES } from '../jobs/state';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Figure, Figures } from '../ui/Figures';
import { bytes, count, duration, figure } from '../ui/format';
import { Panel } from '../ui/Panel';
import { TableSkeleton } from '../ui/TableSkeleton';
import { Devices } from './Devices';
import { Endings } from './Endings';
import { metric, type Sample } from './metrics';
import { StageTable } from './StageTable';
import { useMetrics } from './useMetrics';

export function Operations() {
  const { samples, error, refetch, ratePerSec } = useMetrics(true);
  if (error) return <ErrorNotice error={error} title="The figures could not be loaded" onRetry={() => refetch()} />;
  if (!samples) {
    return (
      <Panel title="Queue" flush>
        <TableSkeleton what="Loading the figures" rows={3} />
      </Panel>
    );
  }
  return (
    <>
      <section aria-label="Queue" className="flex flex-col gap-2">
        <h2 className="text-base">Jobs</h2>
        <Figures>
          {STATES.map((state) => (
            <Figure key={state} name={state}>
              {count(metric(samples, 'scene3d_jobs', { state }) ?? 0)}
            </Figure>
          ))}
        </Figures>
      </section>
      <section aria-label="Throughput" className="flex flex-col gap-2">
        <h2 className="text-base">Throughput since the server started</h2>
        <Throughput samples={samples} ratePerSec={ratePerSec} />
      </section>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <StageTable samples={samples} />
        <div className="flex flex-col gap-4">
          <Devices samples={samples} />
          <Endings samples={samples} />
        </div>
      </div>
    </>
  );
}

interface ThroughputProps {
  samples: Sample[];
  ratePerSec: (name: string) => number | undefined;
}

function Throughput({ samples, ratePerSec }: ThroughputProps) {
  const total = (name: string) => metric(samples, name) ?? 0;
  const rate = (name: string) => {
    const perSec = ratePerSec(name);
    return perSec === undefined ? 'in all' : `in all, ${figure(60 * perSec)} a minute now`;
  };
  const received = uploaded(samples);
  const waits = total('scene3d_queue_wait_seconds_count');
  return (
    <Figures>
      <Figure name="Photos" detail={rate('scene3d_images_processed_total')}>
        {count(total('scene3d_images_processed_total'))}
      </Figure>
      <Figure name="Pairs" detail={rate('scene3d_pairs_processed_total')}>
        {count(total('scene3d_pairs_processed_total'))}
      </Figure>
      <Figure name="Wait in the queue" detail="mean">
        {waits > 0 ? duration(total('scene3d_queue_wait_seconds_sum') / waits) : '–'}
      </Figure>
      {received === undefined ? null : <Figure name="Received">{bytes(received)}</Figure>}
      <Figure name="Listeners" detail="to events">
        {count(total('scene3d_sse_listeners'))}
      </Figure>
    </Figures>
  );
}

/** `undefined` of a server that does not count it. */
function uploaded(samples: readonly Sample[]): number | undefined {
  const kinds = samples.filter(({ name }) => name === 'scene3d_upload_bytes_total');
  return kinds.length > 0 ? kinds.reduce((sum, { value }) => sum + value, 0) : undefined;
}
