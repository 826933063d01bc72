/** Which jobs are shown: by state and by words, kept in the address so that a link shows the same. */

import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { JobState } from '../api/generated';
import { zJobState } from '../api/generated/zod.gen';
import { STATES } from './state';

const PAUSE_MS = 250;

export function useFilters(): { state: JobState | undefined; search: string } {
  const [params] = useSearchParams();
  const state = zJobState.safeParse(params.get('state'));
  return { state: state.success ? state.data : undefined, search: (params.get('q') ?? '').trim() };
}

export function JobFilters() {
  const [, setParams] = useSearchParams();
  const { state, search } = useFilters();
  const set = (name: string, value: string) => {
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  };
  return (
    <search className="flex w-full gap-2 sm:w-auto">
      <SearchField value={search} onChange={(value) => set('q', value)} />
      <select
        aria-label="State"
        className="control w-32! shrink-0 sm:w-36!"
        value={state ?? ''}
        onChange={(event) => set('state', event.target.value)}
      >
        <option value="">every state</option>
        {STATES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </search>
  );
}

/** Typing is not disturbed by the address, which follows. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => {
    setTyped((before) => (before.trim() === value ? before : value));
  }, [value]);
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onChange(typed.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  });
  return (
    <input
      type="search"
      aria-label="Search by id, pipeline or day"
      placeholder="Id, pipeline or day"
      className="control min-w-0 sm:w-72!"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
