/** A reconstruction to walk around in: opens the scene and says so when that takes long or fails. */

import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { asApiError } from '../api/problem';
import { PageLoading } from '../app/PageLoading';
import { Button, buttonClass } from '../ui/Button';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Notice } from '../ui/Notice';
import type { Similarity } from './frames';
import { OpenViewer } from './OpenViewer';
import { graphics } from './stage/graphics';
import { TilesError, type TilesIndex } from './tiles/format';
import type { SceneSource } from './tiles/source';
import { useTilesFile } from './useTilesFile';
import type { ViewState } from './view/viewState';

export interface SceneViewerProps {
  source: SceneSource;
  view: ViewState;
  onViewChange: (change: Partial<ViewState>) => void;
  /** Where the model's world stands; by itself unless another scene says, see `align`. */
  shownFromWorld?: Similarity | undefined;
  /** Told once the scene is known. */
  onOpen?: (index: TilesIndex) => void;
  /** Makes a link of the part behind `#`; without it the view has none. */
  linkOf?: (hash: string) => string;
  /** Where the first of the tools leads. */
  back?: { to: string; name: string } | undefined;
  /** What is shown, for people who do not see it. */
  label?: string;
  /** Whether the settings are open at first. */
  hasPanel?: boolean;
}

export function SceneViewer(props: SceneViewerProps) {
  const { source, onOpen } = props;
  const [attempt, setAttempt] = useState(0);
  const [isLost, setIsLost] = useState(false);
  const redraw = useRef<() => void>(() => undefined);
  const onChange = useCallback(() => redraw.current(), []);
  const { opening, numFailed, retry } = useTilesFile(source, attempt, onChange);
  const index = opening.state === 'open' ? opening.scene.file.index : null;
  useEffect(() => {
    if (index) onOpen?.(index);
  }, [index, onOpen]);
  const again = () => {
    setIsLost(false);
    setAttempt((before) => before + 1);
  };
  if (!graphics().canDraw) {
    return (
      <Face back={props.back}>
        <Notice tone="warn" title="This browser can't draw 3D here">
          <p className="text-muted">
            WebGL 2 is off or missing. Turn on hardware acceleration, or use another browser; the points can be
            downloaded as a file.
          </p>
        </Notice>
      </Face>
    );
  }
  if (isLost) {
    return (
      <Face back={props.back}>
        <Notice tone="warn" title="The graphics card gave up this view" alert>
          <p className="text-muted">It may have been busy or run out of memory. Nothing is lost.</p>
          <Button className="self-start" onClick={again}>
            Show it again
          </Button>
        </Notice>
      </Face>
    );
  }
  if (opening.state === 'failed') {
    return (
      <Face back={props.back}>
        <Failure error={opening.error} onRetry={retry} />
      </Face>
    );
  }
  if (opening.state === 'loading') {
    return (
      <Face back={undefined}>
        <PageLoading what="Opening the scene" />
      </Face>
    );
  }
  return (
    <OpenViewer
      {...props}
      key={attempt}
      scene={opening.scene}
      numFailed={numFailed}
      onRetry={retry}
      onLost={() => setIsLost(true)}
      onRedraw={(invalidate) => {
        redraw.current = invalidate;
      }}
    />
  );
}

function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  if (error instanceof TilesError) {
    return (
      <Notice tone="bad" title="The scene can't be read" alert>
        <p className="text-muted">{error.message}</p>
      </Notice>
    );
  }
  if (asApiError(error).status === 404) {
    return (
      <Notice title="There is no scene">
        <p className="text-muted">
          The reconstruction has not ended, found no model, or was made by an older version: run it again to see it
          here.
        </p>
      </Notice>
    );
  }
  return <ErrorNotice error={error} onRetry={onRetry} />;
}

function Face({ back, children }: { back: SceneViewerProps['back']; children: ReactNode }) {
  return (
    <div className="grid size-full min-h-64 place-items-center bg-sunken p-4">
      <div className="flex max-w-xl flex-col gap-3">
        {children}
        {back ? (
          <Link to={back.to} className={`${buttonClass()} self-start`}>
            {back.name}
          </Link>
        ) : null}
      </div>
    </div>
  );
}
