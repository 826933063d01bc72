/** What is pressed. One `primary` a page at most: it is what the page is for. */

import type { ButtonHTMLAttributes, ReactNode } from 'react';

type Kind = 'primary' | 'plain' | 'quiet' | 'danger';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  /** What it does is under way: it can't be pressed, and says so. */
  busy?: boolean;
  icon?: ReactNode;
}

const BASE =
  'inline-flex items-center justify-center gap-1.5 rounded-md px-3 min-h-8.5 text-base font-medium whitespace-nowrap transition-colors ' +
  'disabled:opacity-55';

const KINDS: Record<Kind, string> = {
  primary: 'bg-accent text-accent-ink hover:not-disabled:bg-accent-strong',
  plain: 'bg-raised text-ink border border-line-strong hover:not-disabled:bg-sunken',
  quiet: 'text-ink hover:not-disabled:bg-sunken',
  danger: 'bg-raised text-bad border border-bad hover:not-disabled:bg-bad-wash',
};

/** Classes of a button, for links that look like one. */
export function buttonClass(kind: Kind = 'plain'): string {
  return `${BASE} ${KINDS[kind]}`;
}

export function Button({ kind = 'plain', busy = false, icon, className = '', children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={busy || rest.disabled}
      aria-busy={busy || undefined}
      className={`${buttonClass(kind)} ${className}`}
    >
      {icon}
      {children}
    </button>
  );
}
