/** The face of a path that is none. */

import { Link, useLocation } from 'react-router';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';

export function NoSuchPage() {
  const { pathname } = useLocation();
  return (
    <>
      <title>No such page · scene3d</title>
      <EmptyState
        title="There is no such page"
        action={
          <Link to="/jobs" className={buttonClass()}>
            Reconstructions
          </Link>
        }
      >
        Nothing is at <code className="font-mono">{pathname}</code>.
      </EmptyState>
    </>
  );
}
