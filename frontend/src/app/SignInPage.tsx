/** Sign-in as a page of its own. */

import { Navigate, useLocation } from 'react-router';
import { useSession } from '../state/useSession';
import { Panel } from '../ui/Panel';
import { returnPath } from './returnTo';
import { SignInForm } from './SignInForm';

export function SignInPage() {
  const session = useSession();
  const { search } = useLocation();
  if (session.state === 'signed-in') return <Navigate to={returnPath(search)} replace />;
  return (
    <div className="flex flex-1 flex-col items-center px-4 pt-[12dvh] pb-16">
      <title>Sign in · scene3d</title>
      <div className="flex w-full max-w-sm flex-col gap-5">
        <div className="flex flex-col gap-1">
          <h1 className="text-xl">Sign in</h1>
          <p className="text-muted">Photos in, 3D scene out.</p>
        </div>
        <Panel>
          <SignInForm user={session.state === 'ended' ? session.user : ''} />
        </Panel>
        <p className="text-sm text-muted">
          The operator of this server makes accounts and sets passwords, with{' '}
          <code className="font-mono">scene3d user add</code>.
        </p>
      </div>
    </div>
  );
}
