/** The face of a page that failed: the rest of the page stays. */

import { useRouteError } from 'react-router';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Page } from './Page';

export function PageFailed() {
  const error = useRouteError();
  return (
    <Page title="This page failed">
      <ErrorNotice error={error} onRetry={() => window.location.reload()} />
    </Page>
  );
}
