/** The face of a page, or of a part of one, that is not here yet. */

import { SlowNote } from '../ui/SlowNote';

export function PageLoading({ what = 'Loading' }: { what?: string }) {
  return (
    <div role="status" className="mx-auto flex w-full max-w-6xl flex-col gap-3 px-4 py-8 sm:px-6">
      <span className="sr-only">{what}…</span>
      {['w-1/4', 'w-2/3', 'w-1/2'].map((width) => (
        <div key={width} aria-hidden="true" className={`h-4 animate-pulse rounded-sm bg-line ${width}`} />
      ))}
      <SlowNote />
    </div>
  );
}
