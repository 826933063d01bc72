/** A picture of an image as an URL for `<img>`. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { PhotoSize, SceneSource } from './tiles/source';

/** Pictures that nothing shows are kept for so long. */
const KEPT_MS = 60_000;

export function usePhoto(
  source: SceneSource,
  name: string | null,
  size: PhotoSize,
): { url: string | null; isMissing: boolean } {
  const { data, isError } = useQuery({
    queryKey: ['photo', source.key, name, size],
    queryFn: ({ signal }) => source.photo(name ?? '', size, signal),
    enabled: name !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
  });
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!data) return setUrl(null);
    const made = URL.createObjectURL(data);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return { url, isMissing: isError };
}
