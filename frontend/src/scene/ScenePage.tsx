/** The scene of a job, over the whole window; the address keeps the view. */

import { useCallback, useEffect, useMemo, useState } from 'react';
import { useParams } from 'react-router';
import { authorisedFetch, expectOk } from '../api/client';
import { SceneViewer } from './SceneViewer';
import { httpSource, type SceneSource } from './tiles/source';
import { decodeView, encodeView, type ViewState } from './view/viewState';

/** The address follows when the view rests. */
const REST_MS = 400;

/** The scene of a job by the API. */
export function jobSource(id: string): SceneSource {
  const job = `/api/v1/jobs/${encodeURIComponent(id)}`;
  const names = (name: string) => name.split('/').map(encodeURIComponent).join('/');
  return httpSource(
    id,
    { tiles: `${job}/artifacts/scene.tiles`, photo: (name, size) => `${job}/thumbnails/${names(name)}?size=${size}` },
    async (url, init) => expectOk(await authorisedFetch(new URL(url, window.location.href), init)),
  );
}

export function ScenePage() {
  const { id = '' } = useParams();
  const source = useMemo(() => jobSource(id), [id]);
  const [view, setView] = useState(() => decodeView(location.hash));
  const onViewChange = useCallback((change: Partial<ViewState>) => setView((before) => ({ ...before, ...change })), []);
  useEffect(() => {
    const timer = setTimeout(() => {
      const hash = encodeView(view);
      // not by the router: it would scroll, and load the page's data again
      history.replaceState(history.state, '', hash === '' ? location.pathname : `#${hash}`);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [view]);
  useEffect(() => {
    const opened = () => setView(decodeView(location.hash));
    window.addEventListener('hashchange', opened);
    return () => window.removeEventListener('hashchange', opened);
  }, []);
  const back = useMemo(() => ({ to: `/jobs/${id}`, name: 'Back to the job' }), [id]);
  const linkOf = useCallback((hash: string) => `${location.origin}${location.pathname}#${hash}`, []);
  return (
    <div className="relative h-[calc(100dvh-5.75rem)] min-h-80 sm:h-[calc(100dvh-3.0625rem)]">
      <title>Scene · scene3d</title>
      <h1 className="sr-only">Scene</h1>
      <SceneViewer
        key={id}
        source={source}
        view={view}
        onViewChange={onViewChange}
        linkOf={linkOf}
        back={back}
        hasPanel={window.innerWidth >= 900}
      />
    </div>
  );
}
