/** A window over the page, by the browser's own `<dialog>`: it holds the focus, and Escape closes it. */

import { type ReactNode, useEffect, useId, useRef } from 'react';

interface DialogProps {
  title: ReactNode;
  open: boolean;
  /** Without it the dialog stays until what it asks for is done. */
  onClose?: () => void;
  children: ReactNode;
  /** Buttons. */
  actions?: ReactNode;
}

export function Dialog({ title, open, onClose, children, actions }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog || !open) return;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      // the browser would do it, but for an element that is gone by then
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      className="m-auto w-[min(32rem,calc(100vw-2rem))] rounded-lg border border-line bg-raised p-0 text-left whitespace-normal text-ink shadow-float backdrop:bg-[oklch(0.15_0.01_230/0.55)]"
    >
      <h2 id={id} className="border-b border-line px-5 py-3 text-lg">
        {title}
      </h2>
      <div className="flex flex-col gap-4 p-5">{children}</div>
      {actions ? <div className="flex justify-end gap-2 border-t border-line px-5 py-3">{actions}</div> : null}
    </dialog>
  );
}
