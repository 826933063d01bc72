/** Short news at the edge of the page; read out, gone by themselves, never the only place of something important. */

import { useSyncExternalStore } from 'react';
import type { Tone } from './Badge';
import { CloseIcon } from './icons';

interface News {
  id: number;
  tone: Tone;
  text: string;
}

const SHOWN_MS = 8000;

let news: readonly News[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(next: readonly News[]) {
  news = next;
  for (const listener of listeners) listener();
}

/** Tells something from anywhere. */
export function tell(text: string, tone: Tone = 'neutral') {
  const id = nextId++;
  change([...news, { id, tone, text }]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number) {
  change(news.filter((item) => item.id !== id));
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const EDGES: Record<Tone, string> = {
  neutral: 'border-l-line-strong',
  accent: 'border-l-accent',
  ok: 'border-l-ok',
  warn: 'border-l-warn',
  bad: 'border-l-bad',
};

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => news);
  return (
    <div
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2"
    >
      {shown.map((item) => (
        <div
          key={item.id}
          className={`pointer-events-auto flex items-start gap-3 rounded-md border border-line border-l-3 bg-raised py-2.5 pr-2 pl-3.5 shadow-float ${EDGES[item.tone]}`}
        >
          <p className="min-w-0 flex-1">{item.text}</p>
          <button
            type="button"
            aria-label="Dismiss"
            onClick={() => dismiss(item.id)}
            className="rounded-sm p-1 text-muted hover:bg-sunken"
          >
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
