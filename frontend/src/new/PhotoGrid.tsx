/** The photos that were chosen, as tiles: what each shows, what is known of it, how far it is. */

import { useState } from 'react';
import { Badge } from '../ui/Badge';
import { Button } from '../ui/Button';
import { bytes, counted } from '../ui/format';
import { CheckIcon, CloseIcon, PhotoIcon } from '../ui/icons';
import { ProgressBar } from '../ui/ProgressBar';
import type { Photo } from './photo';

/** Tiles before somebody asks for more: thousands of pictures make any page slow. */
const SHOWN_AT_FIRST = 60;

interface PhotoGridProps {
  photos: readonly Photo[];
  onRemove: (id: string) => void;
}

export function PhotoGrid({ photos, onRemove }: PhotoGridProps) {
  const [numShown, setNumShown] = useState(SHOWN_AT_FIRST);
  const shown = photos.slice(0, numShown);
  return (
    <div className="flex flex-col gap-3">
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] gap-3" aria-label="Chosen photos">
        {shown.map((photo) => (
          <Tile key={photo.id} photo={photo} onRemove={onRemove} />
        ))}
      </ul>
      {photos.length > shown.length ? (
        <Button className="self-center" onClick={() => setNumShown(numShown * 4)}>
          Show more ({counted(photos.length - shown.length, 'photo')} below)
        </Button>
      ) : null}
    </div>
  );
}

function Tile({ photo, onRemove }: { photo: Photo; onRemove: (id: string) => void }) {
  const { path, facts, file } = photo;
  const name = path.split('/').at(-1) ?? path;
  const isOut = photo.problem !== undefined || photo.duplicateOf !== undefined;
  return (
    <li className="group relative flex min-w-0 flex-col overflow-hidden rounded-md border border-line bg-raised [contain-intrinsic-size:8rem_11rem] [content-visibility:auto]">
      <div className="grid aspect-4/3 place-items-center overflow-hidden bg-sunken text-line-strong">
        {facts?.thumbnail ? (
          <img
            src={facts.thumbnail}
            alt=""
            className={`size-full object-cover ${isOut ? 'opacity-35 grayscale' : ''}`}
            decoding="async"
          />
        ) : (
          <PhotoIcon className="size-6" />
        )}
      </div>
      <div className="flex min-w-0 flex-1 flex-col gap-0.5 px-2 py-1.5">
        <p className="truncate text-sm font-medium" title={path}>
          {name}
        </p>
        <p className="text-xs text-muted">
          {[facts?.width ? `${facts.width}×${facts.height}` : photo.kind === 'zip' ? 'ZIP' : '', bytes(file.size)]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {facts?.exif ? (
          <p className="truncate text-xs text-muted" title={exifInWords(photo)}>
            {exifInWords(photo)}
          </p>
        ) : null}
        <Condition photo={photo} />
      </div>
      <button
        type="button"
        aria-label={`Remove ${name}`}
        onClick={() => onRemove(photo.id)}
        className="absolute top-1 right-1 rounded-sm bg-raised/90 p-1 text-muted opacity-0 group-hover:opacity-100 hover:text-ink focus-visible:opacity-100 [@media(hover:none)]:opacity-100"
      >
        <CloseIcon />
      </button>
    </li>
  );
}

function exifInWords({ facts }: Photo): string {
  const { camera, focalMm, taken } = facts?.exif ?? {};
  const parts = [camera, focalMm && `${Number(focalMm.toPrecision(3))} mm`, taken?.slice(0, 16).replace('T', ' ')];
  return parts.filter(Boolean).join(' · ');
}

/** What is to be said of it: why it stays here, how far it is, or nothing. */
function Condition({ photo }: { photo: Photo }) {
  const { transfer } = photo;
  if (photo.problem) return <Said tone="bad" word="not sent" text={photo.problem} />;
  if (photo.duplicateOf) return <Said tone="warn" word="duplicate" text={`of ${photo.duplicateOf}`} />;
  switch (transfer.state) {
    case 'idle':
      return null;
    case 'waiting':
      return (
        <span className="text-xs text-muted">
          {transfer.sentBytes ? `waits at ${percentOf(transfer.sentBytes, photo)} %` : 'waiting'}
        </span>
      );
    case 'sending':
      return (
        <div className="flex flex-col gap-1">
          <span className="text-xs text-muted">{percentOf(transfer.sentBytes, photo)} % sent</span>
          <ProgressBar label={`Sending ${photo.path}`} share={transfer.sentBytes / photo.file.size} />
        </div>
      );
    case 'looking':
      return <span className="text-xs text-muted">the server looks at it</span>;
    case 'done':
      return (
        <span className="flex items-center gap-1 text-xs text-ok">
          <CheckIcon className="size-3.5" />
          {transfer.uploadId === undefined ? 'already there' : doneInWords(photo.kind, transfer.images.length)}
        </span>
      );
    case 'failed':
      return <Said tone="bad" word="failed" text={transfer.error.detail} />;
  }
}

function percentOf(sent: number, { file }: Photo): number {
  return Math.floor((100 * sent) / file.size);
}

function doneInWords(kind: Photo['kind'], numImages: number): string {
  return kind === 'zip' ? `${counted(numImages, 'photo')} in it` : 'uploaded';
}

function Said({ tone, word, text }: { tone: 'bad' | 'warn'; word: string; text: string }) {
  return (
    <div className="flex flex-col items-start gap-0.5 text-xs text-muted" title={text}>
      <Badge tone={tone}>{word}</Badge>
      <span className="line-clamp-3 break-words">{text}</span>
    </div>
  );
}
