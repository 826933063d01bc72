/** The face of a path that is none. */

import { Link, useLocation } from 'react-router';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Page } from './Page';

export function NoSuchPage() {
  const { pathname } = useLocation();
  return (
    <Page title="No such page">
      <EmptyState
        title="Nothing is here"
        action={
          <Link to="/jobs" className={buttonClass()}>
            Reconstructions
          </Link>
        }
      >
        There is no page at <code className="font-mono break-all">{pathname}</code>.
      </EmptyState>
    </Page>
  );
}
