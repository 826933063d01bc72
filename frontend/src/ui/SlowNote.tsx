/** Says, after a while, that it takes longer than it should; without a connection at once, what is waited for. */

import { useEffect, useState } from 'react';
import { useIsOnline } from '../state/online';

const SLOW_AFTER_MS = 5000;

export function SlowNote() {
  const [isSlow, setSlow] = useState(false);
  const isOnline = useIsOnline();
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!isOnline) return <Note>It comes when the connection is back.</Note>;
  return isSlow ? <Note>This takes longer than usual; it is still being tried.</Note> : null;
}

function Note({ children }: { children: string }) {
  return <p className="px-4 py-3 text-muted">{children}</p>;
}
