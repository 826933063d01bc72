/** The face of a job that is not there, or is somebody else's: the server tells neither from the other. */

import { Link } from 'react-router';
import { Page } from '../app/Page';
import { useSession } from '../state/useSession';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';

export function NoSuchJob({ id }: { id: string }) {
  const session = useSession();
  const user = session.state === 'signed-in' ? session.user : 'you';
  return (
    <Page title="No such reconstruction">
      <EmptyState
        title="Nothing is here"
        action={
          <Link to="/jobs" className={buttonClass()}>
            Your reconstructions
          </Link>
        }
      >
        <code className="font-mono break-all">{id}</code> is not among those of {user}. It may be deleted, or belong to
        somebody else.
      </EmptyState>
    </Page>
  );
}
