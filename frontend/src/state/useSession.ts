/** Who is signed in, for components. */

import { useSyncExternalStore } from 'react';
import { currentSession, type Session, subscribeSession } from './session';

export function useSession(): Session {
  return useSyncExternalStore(subscribeSession, currentSession);
}

/** Whether the user may see what is for admins. */
export function useIsAdmin(): boolean {
  const session = useSession();
  return session.state === 'signed-in' && session.scopes.includes('admin');
}
