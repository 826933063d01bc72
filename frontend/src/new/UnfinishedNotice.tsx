/** After a reload in the middle of an upload: how to go on. */

import { useEffect, useState } from 'react';
import { useSession } from '../state/useSession';
import { Button } from '../ui/Button';
import { bytes, counted } from '../ui/format';
import { Notice } from '../ui/Notice';
import { type ChosenFile, ofHandles } from './collect';
import { uploadQueue } from './draft';
import { forgetUnfinished, keptHandles, mayRead, unfinishedOf } from './unfinished';
import { usePhotos } from './useDraft';

export function UnfinishedNotice({ onFiles }: { onFiles: (files: ChosenFile[]) => void }) {
  const session = useSession();
  const photos = usePhotos();
  const user = session.state === 'signed-in' ? session.user : '';
  const [unfinished, setUnfinished] = useState(() => unfinishedOf(user));
  const [handles, setHandles] = useState<readonly FileSystemHandle[]>([]);
  useEffect(() => {
    keptHandles().then(setHandles);
  }, []);
  if (!unfinished || photos.length > 0) return null;
  const goOn = async () => {
    if (!(await mayRead(handles))) return;
    onFiles(await ofHandles(handles));
    uploadQueue.start();
  };
  const forget = () => {
    forgetUnfinished();
    setUnfinished(undefined);
  };
  return (
    <Notice
      tone="accent"
      title={`An upload of ${counted(unfinished.numPhotos, 'photo')} (${bytes(unfinished.bytes)}) was interrupted`}
    >
      <p>
        {handles.length > 0
          ? 'Go on, and allow this page to read the files again; or drop the same files or folder again.'
          : 'Drop the same files or folder again to go on.'}{' '}
        What is on the server already is not sent again.
      </p>
      <div className="flex gap-2">
        {handles.length > 0 ? (
          <Button kind="primary" onClick={goOn}>
            Go on
          </Button>
        ) : null}
        <Button onClick={forget}>Forget it</Button>
      </div>
    </Notice>
  );
}
