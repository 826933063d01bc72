/** A page's frame: its title, what can be done on it, its content. Sets the window's title. */

import type { ReactNode } from 'react';

interface PageProps {
  title: string;
  /** Below the title: what this page is for, or what it is about. */
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, lead, actions, children }: PageProps) {
  return (
    <div className="mx-auto flex w-full max-w-6xl flex-col gap-5 px-4 py-6 sm:px-6">
      <title>{`${title} · scene3d`}</title>
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="flex flex-col gap-1">
          <h1 className="text-xl">{title}</h1>
          {lead ? <div className="max-w-2xl text-pretty text-muted">{lead}</div> : null}
        </div>
        {actions ? <div className="flex flex-wrap gap-2">{actions}</div> : null}
      </div>
      {children}
    </div>
  );
}
