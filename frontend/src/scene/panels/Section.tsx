/** A part of the viewer's panel that can be folded. */

import type { ReactNode } from 'react';

export function Section({ title, open = false, children }: { title: string; open?: boolean; children: ReactNode }) {
  return (
    <details open={open} className="group border-b border-line last:border-b-0">
      <summary className="flex min-h-9 list-none items-center gap-2 px-3 font-medium select-none hover:bg-sunken">
        <svg
          viewBox="0 0 16 16"
          aria-hidden="true"
          className="size-3 text-muted transition-transform group-open:rotate-90"
        >
          <path d="m6 3.5 4.5 4.5L6 12.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
        </svg>
        {title}
      </summary>
      <div className="flex flex-col gap-3 px-3 pt-1 pb-3">{children}</div>
    </details>
  );
}
