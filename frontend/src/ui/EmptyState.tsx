/** The face of a place where nothing is yet: what would be here, and how to get it. */

import type { ReactNode } from 'react';

interface EmptyStateProps {
  title: string;
  children?: ReactNode;
  /** What to do about it. */
  action?: ReactNode;
}

export function EmptyState({ title, children, action }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-3 px-6 py-14 text-center">
      <svg viewBox="0 0 64 40" aria-hidden="true" className="h-10 w-16 text-line-strong">
        <path d="M6 20 40 4v32Z" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />
        {[
          [47, 12],
          [53, 22],
          [50, 30],
          [58, 16],
          [59, 29],
        ].map(([x, y]) => (
          <circle key={`${x} ${y}`} cx={x} cy={y} r="1.4" fill="currentColor" />
        ))}
      </svg>
      <h2 className="text-lg">{title}</h2>
      {children ? <div className="text-pretty text-muted">{children}</div> : null}
      {action}
    </div>
  );
}
