/** What the configs of two jobs do not have in common. */

import { Panel } from '../ui/Panel';
import { configDifferences } from './differences';

export function ConfigDifferences({ a, b }: { a: string; b: string }) {
  const { onlyA, onlyB } = configDifferences(a, b);
  const isSame = onlyA.length === 0 && onlyB.length === 0;
  return (
    <Panel title="Configs">
      {isSame ? (
        <p className="text-muted">Both ran the same config: what differs is chance, or the program's version.</p>
      ) : (
        <div className="grid gap-4 sm:grid-cols-2">
          <Only name="Only in A" lines={onlyA} />
          <Only name="Only in B" lines={onlyB} />
        </div>
      )}
    </Panel>
  );
}

function Only({ name, lines }: { name: string; lines: string[] }) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <h3 className="engraved">{name}</h3>
      {lines.length === 0 ? <p className="text-muted">nothing</p> : null}
      {lines.map((line) => (
        <code key={line} className="font-mono text-sm break-all">
          {line}
        </code>
      ))}
    </div>
  );
}
