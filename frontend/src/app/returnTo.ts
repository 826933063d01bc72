/** The way to the sign-in page and back. */

import type { Location } from 'react-router';

/** The sign-in page, with the page to come back to. */
export function signInPath({ pathname, search, hash }: Pick<Location, 'pathname' | 'search' | 'hash'>): string {
  const here = pathname + search + hash;
  return here === '/' || here === '/jobs' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(here)}`;
}

/** The page to come back to: a path of this page and of no other. */
export function returnPath(search: string): string {
  const to = new URLSearchParams(search).get('to') ?? '';
  const base = 'https://here.invalid';
  const url = URL.canParse(to, base) ? new URL(to, base) : undefined;
  const isOurs = to.startsWith('/') && url?.origin === base && !url.pathname.startsWith('/sign-in');
  return isOurs ? url.pathname + url.search + url.hash : '/jobs';
}
