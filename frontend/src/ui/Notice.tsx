/** A box that says something about what stands below it. */

import type { ReactNode } from 'react';
import type { Tone } from './Badge';

interface NoticeProps {
  tone?: Tone;
  title: ReactNode;
  children?: ReactNode;
  /** Interrupts who listens to a screen reader. */
  alert?: boolean;
}

const TONES: Record<Tone, string> = {
  neutral: 'border-line border-l-line-strong bg-surface',
  accent: 'border-line border-l-accent bg-surface',
  ok: 'border-line border-l-ok bg-surface',
  warn: 'border-line border-l-warn bg-warn-wash',
  bad: 'border-line border-l-bad bg-bad-wash',
};

export function Notice({ tone = 'neutral', title, children, alert = false }: NoticeProps) {
  return (
    <div role={alert ? 'alert' : undefined} className={`rounded-md border border-l-3 px-4 py-3 ${TONES[tone]}`}>
      <p className="font-medium">{title}</p>
      {children ? <div className="mt-1 flex flex-col gap-2">{children}</div> : null}
    </div>
  );
}
