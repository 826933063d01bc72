/** The keys, and what pointer and fingers do. */

import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { SHORTCUTS } from '../view/shortcuts';

const POINTER = [
  ['Drag', 'Turn'],
  ['Right drag, two fingers', 'Move sideways'],
  ['Wheel, pinch', 'Nearer, farther'],
  ['Click a camera', 'Look through it'],
  ['Click a point', 'The photos that see it'],
  ['Double click', 'Turn around that place'],
] as const;

export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="How to move about" open={open} onClose={onClose} actions={<Button onClick={onClose}>Close</Button>}>
      <div className="grid gap-4">
        <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-1">
          {POINTER.map(([act, does]) => (
            <Row key={act} keys={[act]} does={does} />
          ))}
        </dl>
        <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-1 border-t border-line pt-4">
          {SHORTCUTS.map(({ action, keys, does }) => (
            <Row key={action} keys={keys} does={does} isKey />
          ))}
        </dl>
      </div>
    </Dialog>
  );
}

function Row({ keys, does, isKey = false }: { keys: readonly string[]; does: string; isKey?: boolean }) {
  return (
    <>
      <dt className="flex gap-1">
        {keys.map((key) =>
          isKey ? (
            <kbd key={key} className="rounded-sm border border-line-strong bg-sunken px-1.5 font-sans text-sm">
              {key}
            </kbd>
          ) : (
            <span key={key}>{key}</span>
          ),
        )}
      </dt>
      <dd className="text-muted">{does}</dd>
    </>
  );
}
