/** Where photos, folders and ZIPs are dropped or chosen. */

import { type ClipboardEvent, type DragEvent, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import { FolderIcon, PhotoIcon } from '../ui/icons';
import { type ChosenFile, handlesOfDrop, ofDrop, ofInput } from './collect';

interface DropZoneProps {
  /** Smaller, once there are photos. */
  isCompact: boolean;
  /** Endings, for the window in which files are chosen. */
  endings: readonly string[];
  onFiles: (files: ChosenFile[]) => void;
  onHandles: (handles: FileSystemHandle[]) => void;
}

export function DropZone({ isCompact, endings, onFiles, onHandles }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    // both read the items now; they are gone when this handler ends
    const [handles, chosen] = [handlesOfDrop(event.dataTransfer.items), ofDrop(event.dataTransfer.items)];
    chosen.then(onFiles);
    handles.then(onHandles).catch(() => undefined);
  };
  const paste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length > 0) onFiles(ofInput(event.clipboardData.files));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping and pasting are shortcuts; the buttons do the same
    <div
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      onPaste={paste}
      className={`flex flex-wrap items-center justify-center gap-x-6 gap-y-3 rounded-md border border-dashed px-4 text-center transition-colors ${
        isOver ? 'border-accent bg-accent-wash' : 'border-line-strong bg-sunken'
      } ${isCompact ? 'py-4' : 'flex-col py-14'}`}
    >
      <div>
        <p className="font-medium">Drop photos, a folder or a ZIP here</p>
        {isCompact ? null : (
          <p className="mt-1 max-w-md text-pretty text-muted">
            Of one place or thing, from many sides, each overlapping its neighbours by two thirds. Sharp, in the same
            light.
          </p>
        )}
      </div>
      <div className="flex flex-wrap justify-center gap-2">
        <Button icon={<PhotoIcon />} onClick={() => files.current?.click()}>
          Choose files
        </Button>
        <Button icon={<FolderIcon />} onClick={() => folder.current?.click()}>
          Choose a folder
        </Button>
      </div>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label="Photos or a ZIP"
        accept={[...endings, 'zip'].map((ending) => `.${ending}`).join(',')}
        onChange={(event) => {
          onFiles(ofInput(event.target.files ?? []));
          event.target.value = '';
        }}
      />
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Folder of photos"
        {...{ webkitdirectory: '' }}
        onChange={(event) => {
          onFiles(ofInput(event.target.files ?? []));
          event.target.value = '';
        }}
      />
    </div>
  );
}
