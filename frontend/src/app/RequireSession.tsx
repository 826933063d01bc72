/**
 * Pages for those who are signed in. Who never was is sent to the sign-in page and comes back; whose session ended signs in
 * over the page, which stays as it is.
 */

import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';
import { signOut } from '../state/session';
import { useSession } from '../state/useSession';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { signInPath } from './returnTo';
import { SignInForm } from './SignInForm';

export function RequireSession() {
  const session = useSession();
  const location = useLocation();
  const queries = useQueryClient();
  const user = session.state === 'signed-out' ? undefined : session.user;
  const before = useRef(user);
  useEffect(() => {
    // nothing of one user is shown to the next
    if (before.current !== user) queries.clear();
    before.current = user;
    // what failed for want of a session is asked for again
    if (session.state === 'signed-in') queries.refetchQueries({ type: 'active', predicate: isFailed });
  }, [session.state, user, queries]);
  if (session.state === 'signed-out') return <Navigate to={signInPath(location)} replace />;
  return (
    <>
      <Outlet key={user} />
      <Dialog
        title="Your session has ended"
        open={session.state === 'ended'}
        actions={
          <Button kind="quiet" onClick={() => void signOut()}>
            Leave this page
          </Button>
        }
      >
        <p className="text-muted">Sign in again to go on. Nothing on this page is lost, and uploads continue.</p>
        <SignInForm user={user ?? ''} />
      </Dialog>
    </>
  );
}

function isFailed(query: { state: { status: string } }): boolean {
  return query.state.status === 'error';
}
