/** A titled part of a page. */

import { type ReactNode, useId } from 'react';

interface PanelProps {
  title?: ReactNode;
  /** Beside the title. */
  aside?: ReactNode;
  children: ReactNode;
  /** Without inner space, for tables that reach the edges. */
  flush?: boolean;
  className?: string;
}

export function Panel({ title, aside, children, flush = false, className = '' }: PanelProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={title ? id : undefined}
      className={`min-w-0 rounded-lg border border-line bg-surface ${className}`}
    >
      {title || aside ? (
        <header className="flex min-h-12 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-1.5">
          <h2 id={id} className="text-base">
            {title}
          </h2>
          {aside}
        </header>
      ) : null}
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  );
}
