/** What the devices hold and how busy they are. */

import { Badge } from '../ui/Badge';
import { bytes, count, counted } from '../ui/format';
import { Panel } from '../ui/Panel';
import { ProgressBar } from '../ui/ProgressBar';
import { metric, ofName, type Sample } from './metrics';

export function Devices({ samples }: { samples: readonly Sample[] }) {
  const totals = ofName(samples, 'scene3d_gpu_memory_bytes', { kind: 'total' });
  const resident = ofName(samples, 'scene3d_resident_bytes').filter(({ value }) => value > 0);
  const isUp = metric(samples, 'scene3d_worker_up') === 1;
  const restarts = metric(samples, 'scene3d_worker_restarts_total') ?? 0;
  return (
    <Panel title="Devices">
      <div className="flex flex-col gap-4">
        <p className="flex flex-wrap items-center gap-2">
          <Badge tone={isUp ? 'ok' : 'warn'}>{isUp ? 'worker runs' : 'no worker'}</Badge>
          {restarts > 0 ? <span className="text-muted">started again {counted(restarts, 'time')}</span> : null}
        </p>
        {totals.length === 0 ? <p className="text-muted">This server has no GPU: it works on the CPU.</p> : null}
        {totals.map(({ labels, value }) => (
          <Gpu key={labels['gpu']} samples={samples} gpu={labels['gpu'] ?? ''} total={value} />
        ))}
        {resident.map(({ labels, value }) => (
          <p key={labels['device']} className="text-sm text-muted">
            {bytes(value)} of weights stay on {labels['device']} between jobs
          </p>
        ))}
      </div>
    </Panel>
  );
}

function Gpu({ samples, gpu, total }: { samples: readonly Sample[]; gpu: string; total: number }) {
  const used = metric(samples, 'scene3d_gpu_memory_bytes', { gpu, kind: 'used' }) ?? 0;
  const busy = metric(samples, 'scene3d_gpu_utilization_ratio', { gpu });
  return (
    <div className="flex flex-col gap-1.5">
      <p className="flex justify-between gap-3">
        <span className="font-medium">GPU {gpu}</span>
        <span className="text-muted">{busy === undefined ? '' : `${count(Math.round(100 * busy))} % busy`}</span>
      </p>
      <ProgressBar label={`Memory of GPU ${gpu}`} share={total > 0 ? used / total : 0} />
      <p className="text-sm text-muted">
        {bytes(used)} of {bytes(total)}
      </p>
    </div>
  );
}
