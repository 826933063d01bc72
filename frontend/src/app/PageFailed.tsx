/** The face of a page that failed, or that could not be fetched: the rest of the page stays. */

import { useEffect, useRef } from 'react';
import { useRouteError } from 'react-router';
import { useIsOnline } from '../state/online';
import { Button } from '../ui/Button';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Notice } from '../ui/Notice';
import { Page } from './Page';

/** Each page is a file of its own; browsers say in different words that it was not to be had. */
const NOT_FETCHED = /dynamically imported module|module script failed|preload css/i;

export function PageFailed() {
  const error = useRouteError();
  if (error instanceof Error && NOT_FETCHED.test(error.message)) return <NotFetched />;
  return (
    <Page title="This page failed">
      <ErrorNotice error={error} onRetry={loadAnew} />
    </Page>
  );
}

function NotFetched() {
  const isOnline = useIsOnline();
  const wasOffline = useRef(!isOnline);
  useEffect(() => {
    if (isOnline && wasOffline.current) loadAnew();
  }, [isOnline]);
  return (
    <Page title="This page is not here yet">
      {isOnline ? (
        <Notice tone="warn" alert title="It could not be fetched from the server">
          <p>The server may be starting again, or a newer version of it may have other pages.</p>
          <div>
            <Button onClick={loadAnew}>Load it anew</Button>
          </div>
        </Notice>
      ) : (
        <Notice tone="warn" title="You are offline">
          <p>This page was not opened before. It comes when the connection is back.</p>
        </Notice>
      )}
    </Page>
  );
}

function loadAnew() {
  window.location.reload();
}
