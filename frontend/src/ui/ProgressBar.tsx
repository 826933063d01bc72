/** How far something is. */

import type { Tone } from './Badge';

interface ProgressBarProps {
  /** What goes on, for screen readers. */
  label: string;
  /** 0 to 1; `undefined` while nobody knows. */
  share: number | undefined;
  tone?: Tone;
}

const TONES: Record<Tone, string> = {
  neutral: 'bg-line-strong',
  accent: 'bg-accent',
  ok: 'bg-ok',
  warn: 'bg-warn',
  bad: 'bg-bad',
};

export function ProgressBar({ label, share, tone = 'accent' }: ProgressBarProps) {
  const percent = share === undefined ? undefined : Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className="h-1 w-full overflow-hidden rounded-full bg-line"
    >
      {percent === undefined ? (
        <div className={`h-full w-2/7 animate-[sweep_1.4s_ease-in-out_infinite] rounded-full ${TONES[tone]}`} />
      ) : (
        <div
          className={`h-full rounded-full transition-[width] duration-300 ${TONES[tone]}`}
          style={{ width: `${percent}%` }}
        />
      )}
    </div>
  );
}
