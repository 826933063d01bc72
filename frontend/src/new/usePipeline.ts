/** The pipeline that is chosen, its text as it is edited, and what the server says of it. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { type CheckedConfig, checkConfig, type NamedConfig } from '../api/generated';
import { type ApiError, asApiError } from '../api/problem';
import type { Value } from '../plugins/schema';
import { withValue } from './configText';

/** Typing goes on this long before the server is asked. */
const PAUSE_MS = 400;

export interface Pipeline {
  /** The config that was chosen; `undefined` before the list is here. */
  name: string | undefined;
  text: string;
  /** Whether the text is another than the server's. */
  isEdited: boolean;
  checked: CheckedConfig | undefined;
  problem: ApiError | undefined;
  isChecking: boolean;
  choose(config: NamedConfig): void;
  change(stagePath: string, key: string, value: Value | undefined): void;
  write(text: string): void;
  restore(): void;
  recheck(): void;
}

/** What was chosen last stands chosen, also after a reload in the middle of an upload. */
const STORED = 'scene3d.pipeline';

export function lastPipeline(): string | undefined {
  return localStorage.getItem(STORED) ?? undefined;
}

interface Chosen {
  name: string;
  original: string;
  text: string;
}

export function usePipeline(): Pipeline {
  const [chosen, setChosen] = useState<Chosen>();
  const settled = useSettled(chosen, PAUSE_MS);
  const isEdited = chosen !== undefined && chosen.text !== chosen.original;
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['check', settled],
    queryFn: async ({ signal }) => {
      if (!settled) return undefined;
      const body = settled.text === settled.original ? { config: settled.name } : { toml: settled.text };
      return (await checkConfig({ body, signal, throwOnError: true })).data;
    },
    enabled: settled !== undefined,
    staleTime: 60_000,
  });
  const edit = useCallback((change: (text: string) => string) => {
    setChosen((before) => before && { ...before, text: change(before.text) });
  }, []);
  const choose = useCallback(({ name, toml }: NamedConfig) => {
    localStorage.setItem(STORED, name);
    setChosen({ name, original: toml, text: toml });
  }, []);
  return {
    name: chosen?.name,
    text: chosen?.text ?? '',
    isEdited,
    checked: data ?? undefined,
    problem: error ? asApiError(error) : undefined,
    isChecking: isFetching || settled !== chosen,
    choose,
    change: (stagePath, key, value) => edit((text) => withValue(text, stagePath, key, value)),
    write: (text) => edit(() => text),
    restore: () => setChosen((before) => before && { ...before, text: before.original }),
    recheck: () => void refetch(),
  };
}

/** A value once it has not changed for a while. */
function useSettled<T>(value: T, pauseMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}
