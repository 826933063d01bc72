/** How jobs ended since the server started; failures by their codes, plugins by their errors. */

import { Badge, type Tone } from '../ui/Badge';
import { count } from '../ui/format';
import { Panel } from '../ui/Panel';
import { ofName, type Sample } from './metrics';

const TONES: Record<string, Tone> = { succeeded: 'ok', failed: 'bad' };

export function Endings({ samples }: { samples: readonly Sample[] }) {
  const endings = ofName(samples, 'scene3d_jobs_finished_total').filter(({ value }) => value > 0);
  const errors = ofName(samples, 'scene3d_plugin_errors_total').filter(({ value }) => value > 0);
  return (
    <Panel title="Endings since the server started">
      {endings.length === 0 ? <p className="text-muted">No job ended yet.</p> : null}
      <ul className="flex flex-col gap-1.5">
        {endings.map(({ labels, value }) => (
          <li key={`${labels['outcome']} ${labels['code']}`} className="flex items-baseline justify-between gap-3">
            <span>
              <Badge tone={TONES[labels['outcome'] ?? ''] ?? 'neutral'}>{labels['outcome']}</Badge>{' '}
              <code className="font-mono text-sm text-muted">{labels['code']}</code>
            </span>
            <span>{count(value)}</span>
          </li>
        ))}
        {errors.map(({ labels, value }) => (
          <li key={`${labels['plugin']} ${labels['code']}`} className="flex items-baseline justify-between gap-3">
            <span>
              errors of {labels['plugin']} <code className="font-mono text-sm text-muted">{labels['code']}</code>
            </span>
            <span>{count(value)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
