/** Says that there is no connection, as long as there is none. */

import { useIsOnline } from '../state/online';

export function OfflineBar() {
  return (
    <div role="status">
      {useIsOnline() ? null : (
        <p className="border-b border-line bg-warn-wash px-4 py-1.5 text-warn sm:px-6">
          You are offline. What was begun goes on when the connection is back.
        </p>
      )}
    </div>
  );
}
