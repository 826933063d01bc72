/** The figures that matter most, in a row. */

import type { ReactNode } from 'react';

export function Figures({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-[repeat(auto-fit,minmax(9rem,1fr))] max-sm:[&>:last-child:nth-child(odd)]:col-span-2">
      {children}
    </dl>
  );
}

interface FigureProps {
  name: string;
  /** What it is measured by, or out of how many. */
  detail?: ReactNode;
  children: ReactNode;
}

export function Figure({ name, detail, children }: FigureProps) {
  return (
    <div className="flex flex-col gap-0.5 bg-surface px-4 py-3">
      <dt className="engraved">{name}</dt>
      <dd>
        <span className="text-xl">{children}</span>
        {detail ? <span className="ml-1.5 text-sm text-muted max-sm:ml-0 max-sm:block">{detail}</span> : null}
      </dd>
    </div>
  );
}
