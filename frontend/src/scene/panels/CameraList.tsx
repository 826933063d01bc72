/** Every camera as a button: to look through it without a pointer. */

import { useId, useMemo, useState } from 'react';
import { count } from '../../ui/format';
import type { TilesImage } from '../tiles/format';

/** Below so many a list needs no search. */
const SEARCH_FROM = 15;
/** More rows than this make a page slow; the search finds the rest. */
const MAX_ROWS = 200;

interface CameraListProps {
  images: readonly TilesImage[];
  /** Name of the image that is looked through. */
  through: string | null;
  onThrough: (name: string) => void;
  onHover: (camera: number | null) => void;
}

export function CameraList({ images, through, onThrough, onHover }: CameraListProps) {
  const id = useId();
  const [search, setSearch] = useState('');
  const found = useMemo(() => {
    const words = search.toLowerCase();
    return images.flatMap((image, place) => (image.name.toLowerCase().includes(words) ? [{ image, place }] : []));
  }, [images, search]);
  return (
    <>
      {images.length >= SEARCH_FROM ? (
        <input
          type="search"
          aria-label="Search cameras by name"
          placeholder="Name"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          className="control"
        />
      ) : null}
      {images.length === 0 ? <p className="text-muted">No image has a pose.</p> : null}
      <ul id={id} className="-mx-1 flex max-h-64 flex-col overflow-y-auto">
        {found.slice(0, MAX_ROWS).map(({ image, place }) => (
          <li key={image.id}>
            <button
              type="button"
              aria-pressed={image.name === through}
              aria-label={`Look through ${image.name}, ${count(image.num_points)} points`}
              onClick={() => onThrough(image.name)}
              onFocus={() => onHover(place)}
              onBlur={() => onHover(null)}
              onMouseEnter={() => onHover(place)}
              onMouseLeave={() => onHover(null)}
              className="flex min-h-7 w-full items-baseline justify-between gap-3 rounded-sm px-1 text-left hover:bg-sunken aria-pressed:bg-accent-wash"
            >
              <span className="truncate">{image.name}</span>
              <span className="text-sm text-muted">{count(image.num_points)}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.length > MAX_ROWS ? (
        <p className="text-sm text-muted">{count(found.length - MAX_ROWS)} more: search by name.</p>
      ) : null}
      {found.length === 0 && images.length > 0 ? <p className="text-muted">No camera of that name.</p> : null}
    </>
  );
}
