/** A new reconstruction: photos, a pipeline, start. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { DriftVerdict, JobView } from '../api/generated';
import { getLimitsOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { DriftPanel } from '../drift/DriftPanel';
import { useSession } from '../state/useSession';
import { Button, buttonClass } from '../ui/Button';
import { counted } from '../ui/format';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { tell } from '../ui/Toast';
import { type ChosenFile, DEFAULT_IMAGE_ENDINGS } from './collect';
import { DropZone } from './DropZone';
import { clearDraft, photoList, uploadQueue } from './draft';
import { PhotoGrid } from './PhotoGrid';
import { PipelinePanel } from './PipelinePanel';
import type { Added } from './photoList';
import { StartPanel } from './StartPanel';
import { UnfinishedNotice } from './UnfinishedNotice';
import { keepHandles, rememberUnfinished } from './unfinished';
import { usePhotos, useQueue } from './useDraft';
import { usePipeline } from './usePipeline';
import { useStart } from './useStart';

/** Limits change when the server is started anew. */
const STALE_MS = 600_000;

export function NewPage() {
  const { data: limits } = useQuery({ ...getLimitsOptions(), staleTime: STALE_MS });
  const photos = usePhotos();
  const pipeline = usePipeline();
  const start = useStart(photos, pipeline);
  const [ignored, setIgnored] = useState<string>();
  useRemembered();
  const done = useDone(start.job);

  const add = (files: ChosenFile[]) => setIgnored(inWords(photoList.add(files, limits)));
  const remove = (id: string) => {
    uploadQueue.drop(id);
    photoList.remove(id);
  };
  if (done) return <Drifted job={start.job as JobView} verdict={done} />;
  return (
    <Page title="New reconstruction">
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_19rem]">
        <div className="flex min-w-0 flex-col gap-5">
          <UnfinishedNotice onFiles={add} />
          <Panel title="Photos" aside={photos.length > 0 ? <RemoveAll /> : null}>
            <div className="flex flex-col gap-4">
              <DropZone
                isCompact={photos.length > 0}
                endings={limits?.image_endings ?? DEFAULT_IMAGE_ENDINGS}
                onFiles={add}
                onHandles={(handles) => void keepHandles(handles, photos.length === 0).catch(() => undefined)}
              />
              <p role="status" className="text-sm text-muted empty:hidden">
                {ignored}
              </p>
              {photos.length > 0 ? <PhotoGrid photos={photos} onRemove={remove} /> : null}
            </div>
          </Panel>
          <PipelinePanel pipeline={pipeline} />
        </div>
        <StartPanel photos={photos} pipeline={pipeline} start={start} limits={limits} />
      </div>
    </Page>
  );
}

function RemoveAll() {
  return (
    <Button kind="quiet" onClick={clearDraft}>
      Remove all
    </Button>
  );
}

/** What became of files that were dropped, if it is not what one expects. */
function inWords({ numAdded, numKnown, numIgnored }: Added): string | undefined {
  const parts = [
    numIgnored > 0 ? `${counted(numIgnored, 'file')} left out: no photos` : '',
    numKnown > 0 ? `${counted(numKnown, 'photo')} chosen already` : '',
  ].filter(Boolean);
  if (numAdded + numKnown + numIgnored === 0) return 'Nothing was in it.';
  return parts.length > 0 ? `${parts.join('; ')}.` : undefined;
}

/** Notes that there is an upload, for the case that this page is closed before its end. */
function useRemembered() {
  const session = useSession();
  const queue = useQueue();
  const user = session.state === 'signed-in' ? session.user : undefined;
  useEffect(() => {
    if (user === undefined || queue.state !== 'running') return;
    const photos = photoList.all();
    const bytes = photos.reduce((sum, photo) => sum + photo.file.size, 0);
    rememberUnfinished({ user, numPhotos: photos.length, bytes });
  }, [user, queue.state]);
}

/** Leads to the job that was made; if its photos drifted, gives the verdict that is to be seen first. */
function useDone(job: JobView | undefined): DriftVerdict | undefined {
  const navigate = useNavigate();
  const drift = job?.drift ?? undefined;
  const isDrifted = drift?.status === 'drift';
  useEffect(() => {
    if (!job) return;
    clearDraft();
    if (isDrifted) return;
    tell('The reconstruction has been started.', 'ok');
    navigate(`/jobs/${job.id}`);
  }, [job, isDrifted, navigate]);
  return isDrifted ? drift : undefined;
}

function Drifted({ job, verdict }: { job: JobView; verdict: DriftVerdict }) {
  // the button that led here is far below
  useEffect(() => {
    // what it returns, in newer browsers a promise, is nothing to clean up with
    window.scrollTo({ top: 0 });
  }, []);
  return (
    <Page
      title="Started, with a warning"
      actions={
        <Link to={`/jobs/${job.id}`} className={buttonClass('primary')}>
          Watch it
        </Link>
      }
    >
      <Notice tone="warn" alert title="These photos look other than usual">
        <p>
          The reconstruction has been started and may be as good as ever. If it is not, look here first: this is how the
          photos differ from those that this server is used to.
        </p>
      </Notice>
      <Panel title="What moved">
        <DriftPanel verdict={verdict} />
      </Panel>
    </Page>
  );
}
