/** The figures behind a chart, for who does not see it or wants to copy them. */

import type { ReactNode } from 'react';
import { Cell, Head, Table } from '../ui/Table';

interface ChartTableProps {
  caption: string;
  head: readonly string[];
  /** The first cell names the row. */
  rows: readonly (readonly ReactNode[])[];
}

export function ChartTable({ caption, head, rows }: ChartTableProps) {
  return (
    <details className="group text-sm">
      <summary className="w-fit rounded-sm py-1 text-muted hover:text-ink">
        <span aria-hidden="true" className="mr-2 inline-block transition-transform group-open:rotate-90">
          ›
        </span>
        As a table
      </summary>
      <div className="mt-1 max-h-72 overflow-auto rounded-md border border-line">
        <Table caption={caption}>
          <thead>
            <tr>
              {head.map((name, column) => (
                <Head key={name} figures={column > 0}>
                  {name}
                </Head>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={String(row[0])}>
                {row.map((cell, column) => (
                  <Cell key={head[column]} figures={column > 0} className="py-1">
                    {cell}
                  </Cell>
                ))}
              </tr>
            ))}
          </tbody>
        </Table>
      </div>
    </details>
  );
}
