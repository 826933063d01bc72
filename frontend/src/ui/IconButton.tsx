/** A button of a picture only: its name is heard and shown on hover. */

import type { ButtonHTMLAttributes, ReactNode } from 'react';

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'aria-label'> {
  label: string;
  busy?: boolean;
  children: ReactNode;
}

export function IconButton({ label, busy = false, children, className = '', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      disabled={busy || rest.disabled}
      aria-busy={busy || undefined}
      className={`inline-flex size-8.5 shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:not-disabled:bg-raised hover:not-disabled:text-ink disabled:opacity-55 ${className}`}
    >
      {children}
    </button>
  );
}
