/** The end of the log; it follows what comes until the reader scrolls up or says stop. */

import { useEffect, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import { ErrorNotice } from '../ui/ErrorNotice';
import { count } from '../ui/format';
import { CopyIcon, PauseIcon, PlayIcon } from '../ui/icons';
import { Panel } from '../ui/Panel';
import { tell } from '../ui/Toast';
import { asText, inWords, type Level, type LogLine, levelOf } from './log';

/** Lines on the page; all of them are copied. */
const MAX_SHOWN = 500;

interface LogTailProps {
  lines: readonly LogLine[];
  error: unknown;
  isPending: boolean;
  /** Nothing is added any more. */
  isOver: boolean;
  onRetry: () => void;
}

export function LogTail({ lines, error, isPending, isOver, onRetry }: LogTailProps) {
  const [held, setHeld] = useState<readonly LogLine[]>();
  const box = useRef<HTMLDivElement>(null);
  const shown = (held ?? lines).slice(-MAX_SHOWN);
  const numNew = held ? lines.length - held.length : 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line moves the view
  useEffect(() => {
    const element = box.current;
    if (element && !held) element.scrollTop = element.scrollHeight;
  }, [lines, held]);
  const buttons = (
    <div className="flex gap-1">
      {isOver && !held ? null : (
        <Button
          kind="quiet"
          icon={held ? <PlayIcon /> : <PauseIcon />}
          onClick={() => setHeld(held ? undefined : lines)}
        >
          {held ? `Follow${numNew > 0 ? ` (${count(numNew)} new)` : ''}` : 'Pause'}
        </Button>
      )}
      <Button kind="quiet" icon={<CopyIcon />} disabled={lines.length === 0} onClick={() => copy(lines)}>
        Copy
      </Button>
    </div>
  );
  return (
    <Panel title="Log" aside={buttons} flush>
      {error ? (
        <div className="p-4">
          <ErrorNotice error={error} title="The log could not be loaded" onRetry={onRetry} />
        </div>
      ) : null}
      {shown.length === 0 && !error ? (
        <p className="p-4 text-muted">{isPending ? 'Loading the log…' : 'Nothing was told yet.'}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
        <div ref={box} role="log" aria-label="Log" aria-live="off" tabIndex={0} className="max-h-72 overflow-auto py-2">
          {lines.length > shown.length ? (
            <p className="px-4 py-1 text-sm text-muted">The last {count(MAX_SHOWN)} lines; “Copy” takes all of them.</p>
          ) : null}
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines are only added
            <Line key={index} line={line} />
          ))}
        </div>
      )}
    </Panel>
  );
}

const COLOURS: Record<Level, string> = { error: 'text-bad', warn: 'text-warn', info: '' };

function Line({ line }: { line: LogLine }) {
  return (
    <p className={`flex gap-3 px-4 font-mono text-xs leading-5 ${COLOURS[levelOf(line)]}`}>
      <time dateTime={line.at} className="shrink-0 text-muted">
        {clock(line.at)}
      </time>
      <span className="min-w-0 break-words whitespace-pre-wrap">{inWords(line)}</span>
    </p>
  );
}

function clock(at: string): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : time.toLocaleTimeString('en-GB');
}

function copy(lines: readonly LogLine[]) {
  // browsers give the clipboard to secure pages only
  const copied = navigator.clipboard?.writeText(asText(lines)) ?? Promise.reject(new Error('no clipboard'));
  copied.then(
    () => tell('The log is copied.', 'ok'),
    () => tell('The browser does not let this page copy; download logs/events.jsonl instead.', 'warn'),
  );
}
