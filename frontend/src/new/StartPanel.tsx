/** The sum of it all, and the button: how much is sent, how far it is, what is in the way. */

import type { ReactNode } from 'react';
import type { UploadLimits } from '../api/generated';
import { Button } from '../ui/Button';
import { ErrorNotice } from '../ui/ErrorNotice';
import { bytes, count, counted, duration, rate } from '../ui/format';
import { PauseIcon, PlayIcon, RetryIcon } from '../ui/icons';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { ProgressBar } from '../ui/ProgressBar';
import { photoList, uploadQueue } from './draft';
import type { Photo } from './photo';
import { problemOfAll } from './photoList';
import { type Progress, progressOf, useQueue, useRate } from './useDraft';
import type { Pipeline } from './usePipeline';
import type { Start } from './useStart';

/** Failed files that are named. */
const NUM_NAMED = 3;

interface StartPanelProps {
  photos: readonly Photo[];
  pipeline: Pipeline;
  start: Start;
  limits: UploadLimits | undefined;
}

export function StartPanel({ photos, pipeline, start, limits }: StartPanelProps) {
  const queue = useQueue();
  const progress = progressOf(photos, useRate(queue.state === 'running'));
  const obstacle = obstacleOf(photos, pipeline, limits);
  const isAllThere = progress.numPhotos > 0 && progress.numDone === progress.numPhotos;
  return (
    <Panel title="Summary" className="lg:sticky lg:top-18">
      <div className="flex flex-col gap-4">
        <Figures photos={photos} progress={progress} />
        {queue.state === 'running' || progress.sentBytes > 0 ? (
          <Going progress={progress} isAllThere={isAllThere} isPaused={queue.state === 'paused'} />
        ) : null}
        {queue.state === 'held' && queue.error.code !== 'session_ended' ? (
          <Notice tone="warn" title={queue.error.title}>
            <p>The upload goes on when it is back.</p>
          </Notice>
        ) : null}
        {progress.numFailed > 0 && queue.state === 'idle' ? <Failed photos={photos} /> : null}
        {start.error ? <ErrorNotice error={start.error} title="The reconstruction could not be started" /> : null}
        <Buttons {...{ start, progress, isAllThere, isPossible: obstacle === undefined }} />
        {obstacle ? <p className="text-sm text-muted">{obstacle}</p> : null}
        {limits ? <Limits limits={limits} /> : null}
      </div>
    </Panel>
  );
}

/** Names and reasons of the first few; the tiles tell all. */
function Failed({ photos }: { photos: readonly Photo[] }) {
  const failed = photos.flatMap(({ path, transfer }) =>
    transfer.state === 'failed' ? [{ path, detail: transfer.error.detail }] : [],
  );
  return (
    <Notice tone="bad" alert title={`${counted(failed.length, 'file')} could not be uploaded`}>
      <ul className="flex flex-col gap-1 text-sm">
        {failed.slice(0, NUM_NAMED).map(({ path, detail }) => (
          <li key={path}>
            <span className="font-medium">{path}</span>: {detail}
          </li>
        ))}
        {failed.length > NUM_NAMED ? <li>and {count(failed.length - NUM_NAMED)} more</li> : null}
      </ul>
    </Notice>
  );
}

function obstacleOf(photos: readonly Photo[], { problem, checked, name }: Pipeline, limits?: UploadLimits) {
  if (photos.length === 0) return 'Choose photos first.';
  const ofPhotos = problemOfAll(photos, limits);
  if (ofPhotos) return `${ofPhotos[0]?.toUpperCase()}${ofPhotos.slice(1)}.`;
  if (name === undefined) return 'Choose a pipeline.';
  if (problem) return 'The pipeline has mistakes.';
  return checked ? undefined : 'The pipeline is being checked.';
}

function Figures({ photos, progress }: { photos: readonly Photo[]; progress: Progress }) {
  const numDuplicates = photos.filter((photo) => photo.duplicateOf !== undefined).length;
  const numRefused = photos.filter((photo) => photo.problem !== undefined).length;
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3">
      <Figure name="Photos">{count(progress.numPhotos)}</Figure>
      <Figure name="Size">{bytes(progress.bytes)}</Figure>
      {numDuplicates > 0 ? <Figure name="Duplicates">{count(numDuplicates)}</Figure> : null}
      {numRefused > 0 ? <Figure name="Not sent">{count(numRefused)}</Figure> : null}
    </dl>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="engraved">{name}</dt>
      <dd className="text-lg">{children}</dd>
    </div>
  );
}

interface GoingProps {
  progress: Progress;
  isAllThere: boolean;
  isPaused: boolean;
}

function Going({ progress, isAllThere, isPaused }: GoingProps) {
  const parts = [
    isPaused ? 'paused' : '',
    `${count(progress.numDone)} of ${count(progress.numPhotos)}`,
    `${bytes(progress.sentBytes)} of ${bytes(progress.bytes)}`,
    progress.rate ? rate(progress.rate) : '',
    progress.etaSecs !== undefined && !isAllThere ? `${duration(progress.etaSecs)} to go` : '',
  ];
  return (
    <div className="flex flex-col gap-1.5">
      <ProgressBar
        label="Upload"
        share={progress.bytes ? progress.sentBytes / progress.bytes : 0}
        tone={isAllThere ? 'ok' : isPaused ? 'neutral' : 'accent'}
      />
      <p className="text-sm text-muted">{parts.filter(Boolean).join(' · ')}</p>
    </div>
  );
}

interface ButtonsProps {
  start: Start;
  progress: Progress;
  isAllThere: boolean;
  isPossible: boolean;
}

function Buttons({ start, progress, isAllThere, isPossible }: ButtonsProps) {
  const queue = useQueue();
  if (start.isCreating) {
    return (
      <Button kind="primary" busy>
        Starting…
      </Button>
    );
  }
  if (queue.state === 'running') {
    return (
      <div className="flex flex-wrap gap-2">
        <Button icon={<PauseIcon />} onClick={() => uploadQueue.pause()} className="flex-1">
          Pause
        </Button>
        {start.isAsked ? null : (
          <Button kind="primary" disabled={!isPossible} onClick={start.begin} className="flex-1">
            Start when uploaded
          </Button>
        )}
      </div>
    );
  }
  if (queue.state === 'paused' || queue.state === 'held') {
    return (
      <Button kind="primary" icon={<PlayIcon />} onClick={() => uploadQueue.resume()}>
        Go on
      </Button>
    );
  }
  if (progress.numFailed > 0) {
    return (
      <div className="flex flex-col gap-2">
        <Button kind="primary" icon={<RetryIcon />} disabled={!isPossible} onClick={start.begin}>
          Try again
        </Button>
        {progress.numDone > 1 ? (
          <Button disabled={!isPossible} onClick={() => withoutFailed(start)}>
            Start without {progress.numFailed === 1 ? 'it' : 'them'}
          </Button>
        ) : null}
      </div>
    );
  }
  return (
    <Button kind="primary" disabled={!isPossible} onClick={start.begin}>
      {isAllThere ? 'Start the reconstruction' : 'Upload and start'}
    </Button>
  );
}

function withoutFailed(start: Start) {
  for (const photo of photoList.all()) {
    if (photo.transfer.state === 'failed') photoList.remove(photo.id);
  }
  start.begin();
}

function Limits({ limits }: { limits: UploadLimits }) {
  return (
    <p className="border-t border-line pt-3 text-xs text-muted">
      The server takes photos up to {bytes(limits.max_image_bytes)} and {count(limits.max_megapixels)} megapixels, ZIPs
      up to {bytes(limits.max_bytes)}, and {counted(limits.max_files, 'photo')} a reconstruction. You may keep{' '}
      {bytes(limits.max_user_bytes)}. An upload that is not finished within {duration(limits.expire_secs)} is dropped.
    </p>
  );
}
