/** What the colours of the points stand for. */

import type { Colouring } from '../cloud/colouring';
import { RAMP_CSS } from '../cloud/ramp';

export function Legend({ legend }: { legend: NonNullable<Colouring['legend']> }) {
  return (
    <figure className="flex flex-col gap-1">
      <figcaption className="engraved">{legend.title}</figcaption>
      <div className="h-2.5 rounded-sm" style={{ background: RAMP_CSS }} />
      <div className="flex justify-between gap-2 text-sm text-muted">
        <span>{legend.low}</span>
        <span>{legend.high}</span>
      </div>
    </figure>
  );
}
