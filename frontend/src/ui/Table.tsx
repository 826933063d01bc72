/** Rows and columns: dense, figures to the right, the head stays while rows scroll. */

import type { ReactNode, TdHTMLAttributes, ThHTMLAttributes } from 'react';

interface TableProps {
  /** For screen readers; what the rows are. */
  caption: string;
  /** Where the window is narrow the cells of a row stand below each other, and the head is only read out. */
  stacks?: boolean;
  children: ReactNode;
}

/** Children are `<thead>` and `<tbody>` of {@link Head} and {@link Cell}. */
export function Table({ caption, stacks = false, children }: TableProps) {
  return (
    // positioned, so that what only screen readers see does not stand out of it
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
    <section className="relative overflow-x-auto" aria-label={caption} tabIndex={0}>
      <table
        className={`w-full border-collapse text-left [&_tbody_tr:hover]:bg-sunken [&_tbody_tr]:border-t [&_tbody_tr]:border-line ${stacks ? 'stacks' : ''}`}
      >
        <caption className="sr-only">{caption}</caption>
        {children}
      </table>
    </section>
  );
}

interface Figures {
  /** Figures stand to the right. */
  figures?: boolean;
}

export function Head({ figures, className = '', ...rest }: Figures & ThHTMLAttributes<HTMLTableCellElement>) {
  const side = figures ? 'text-right' : 'text-left';
  return (
    <th
      scope="col"
      {...rest}
      className={`engraved px-3 py-2 whitespace-nowrap first:pl-4 last:pr-4 sm:px-4 ${side} ${className}`}
    />
  );
}

export function Cell({ figures, className = '', ...rest }: Figures & TdHTMLAttributes<HTMLTableCellElement>) {
  const side = figures ? 'text-right whitespace-nowrap' : '';
  return <td {...rest} className={`px-3 py-2 align-top first:pl-4 last:pr-4 sm:px-4 ${side} ${className}`} />;
}
