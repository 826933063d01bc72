/** A small picture of a job's photo; a place for it where the server gives none. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { authorisedFetch, expectOk } from '../api/client';
import { PhotoIcon } from '../ui/icons';

export function Thumbnail({ jobId, name }: { jobId: string; name: string }) {
  const { data } = useQuery({
    queryKey: ['thumbnail', jobId, name],
    queryFn: ({ signal }) => load(jobId, name, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const url = useObjectUrl(data);
  const place = 'flex h-10.5 w-14 shrink-0 items-center justify-center overflow-hidden rounded-sm bg-sunken text-muted';
  return (
    <span className={place}>
      {url ? <img src={url} alt="" className="h-full w-full object-cover" /> : <PhotoIcon />}
    </span>
  );
}

async function load(jobId: string, name: string, signal: AbortSignal): Promise<Blob> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const url = new URL(`/api/v1/jobs/${encodeURIComponent(jobId)}/thumbnails/${path}?size=small`, window.location.href);
  return (await expectOk(await authorisedFetch(url, { signal }))).blob();
}

function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [blob]);
  return url;
}
