/** Says, after a while, that it takes longer than it should. */

import { useEffect, useState } from 'react';

const SLOW_AFTER_MS = 5000;

export function SlowNote() {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return isSlow ? <p className="px-4 py-3 text-muted">This takes longer than usual; it is still being tried.</p> : null;
}
