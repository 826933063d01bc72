/**
 * The reconstruction that is being prepared. It lives beside the pages, so that an upload goes on while its user looks at
 * something else here.
 */

import { currentSession, subscribeSession } from '../state/session';
import { WorkerInspector } from './inspect';
import { PhotoList } from './photoList';
import { tusSender } from './tusSender';
import { forgetUnfinished } from './unfinished';
import { UploadQueue } from './uploadQueue';

export const photoList = new PhotoList(new WorkerInspector());
export const uploadQueue = new UploadQueue(photoList, tusSender);

/** Begins anew. */
export function clearDraft() {
  uploadQueue.reset();
  photoList.clear();
  forgetUnfinished();
}

let user = nameOf(currentSession());

function nameOf(session: ReturnType<typeof currentSession>): string | undefined {
  return session.state === 'signed-out' ? undefined : session.user;
}

subscribeSession(() => {
  const session = currentSession();
  // nobody gets the photos of another
  if (nameOf(session) !== user) clearDraft();
  user = nameOf(session);
  const held = uploadQueue.state();
  if (session.state === 'signed-in' && held.state === 'held' && held.error.code === 'session_ended') {
    uploadQueue.resume();
  }
});

window.addEventListener('online', () => {
  if (uploadQueue.state().state === 'held') uploadQueue.resume();
});
