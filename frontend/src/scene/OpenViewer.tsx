/** An open scene with its tools: what is chosen, what keys and buttons do. */

import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useIsDark } from '../state/theme';
import { Button } from '../ui/Button';
import { count, counted } from '../ui/format';
import { tell } from '../ui/Toast';
import { colouringOf } from './cloud/colouring';
import { homeEye, shownFromWorld } from './frames';
import { CameraList } from './panels/CameraList';
import { HelpDialog } from './panels/HelpDialog';
import { MeasurePanel } from './panels/MeasurePanel';
import { PhotoBar, PhotoOverlay } from './panels/PhotoOverlay';
import { Section } from './panels/Section';
import { Tools } from './panels/Tools';
import { TrackPanel } from './panels/TrackPanel';
import { FIRST_SECTION, ViewPanel } from './panels/ViewPanel';
import type { PickedPoint } from './pick/pickPoint';
import type { SceneViewerProps } from './SceneViewer';
import { stageColours } from './stage/colours';
import { graphics } from './stage/graphics';
import type { CloudStatus } from './stage/PointCloud';
import { FREE_FOV_DEG } from './stage/Rig';
import { Stage, type StageColours } from './stage/Stage';
import { usePrefersCalm } from './usePrefersCalm';
import { useSize } from './useSize';
import type { OpenScene } from './useTilesFile';
import { useTrack } from './useTrack';
import type { Vec3 } from './vec';
import { eyeOfLook, lookThrough } from './view/lookThrough';
import { formatLength, lengthOf } from './view/measure';
import { commandOf } from './view/shortcuts';
import { centred, orbited, panned, zoomed } from './view/steps';
import { COLOURS, type Eye3, encodeView, POINT_SIZES } from './view/viewState';
import { describe, describePosition } from './words';

interface OpenViewerProps extends SceneViewerProps {
  scene: OpenScene;
  /** Nodes that could not be fetched. */
  numFailed: number;
  onRetry: () => void;
  onLost: () => void;
  /** Gives what asks for another frame. */
  onRedraw: (invalidate: () => void) => void;
}

/** A photo is opaque enough to compare, thin enough to see the points through it. */
const FIRST_OPACITY = 0.6;

export function OpenViewer(props: OpenViewerProps) {
  const { scene, source, view, onViewChange } = props;
  const { file, cloud, budget } = scene;
  const { index } = file;
  const [element, setElement] = useState<HTMLElement | null>(null);
  const size = useSize(element);
  const isDark = useIsDark();
  const isCalm = usePrefersCalm();
  const description = useId();
  const [status, setStatus] = useState<CloudStatus>({ numDrawn: 0, isLoading: true, heights: null });
  const [hovered, setHovered] = useState<number | null>(null);
  const [isMeasuring, setIsMeasuring] = useState(false);
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [isPanelOpen, setIsPanelOpen] = useState(props.hasPanel ?? false);
  const [isFull, setIsFull] = useState(false);
  const [opacity, setOpacity] = useState(FIRST_OPACITY);
  const [colours, setColours] = useState<StageColours | null>(null);
  const { point, choose, clear, retry } = useTrack();
  const capture = useRef<(() => Promise<Blob>) | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the theme
  useEffect(() => setColours(element ? stageColours(element) : null), [element, isDark]);
  useEffect(() => {
    const changed = () => setIsFull(document.fullscreenElement === element && element !== null);
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, [element]);

  const shown = useMemo(
    () => props.shownFromWorld ?? shownFromWorld(index, view.up),
    [props.shownFromWorld, index, view.up],
  );
  const home = useMemo(
    () => homeEye(index, shown, FREE_FOV_DEG, size ? size.width / size.height : 1),
    [index, shown, size],
  );
  const eye = view.eye ?? home;
  const place = index.images.findIndex(({ name }) => name === view.through);
  const look = useMemo(() => {
    const image = index.images[place];
    const camera = image && index.cameras[image.camera];
    return image && camera && size ? lookThrough(image, camera, shown, size) : null;
  }, [index, place, shown, size]);
  const colouring = useMemo(
    () => colouringOf(view.colour, index, status.heights, view.metresPerUnit),
    [view.colour, index, status.heights, view.metresPerUnit],
  );
  const seenIn = point?.track.state === 'there' ? point.track.track.observations : null;
  const chosen = useMemo(
    () => ({ point: point?.position ?? null, cameras: new Set(seenIn?.map(({ image }) => image)) }),
    [point, seenIn],
  );

  // handlers that are made once see what is current
  const now = useRef({ eye, look, view, place });
  now.current = { eye, look, view, place };
  const goThrough = useCallback((name: string) => onViewChange({ through: name }), [onViewChange]);
  const leave = useCallback(() => {
    const { look } = now.current;
    if (look) onViewChange({ through: null, eye: eyeOfLook(look, shown, index) });
  }, [onViewChange, shown, index]);
  const step = useCallback(
    (by: 1 | -1) => {
      const number = index.images.length;
      const { place } = now.current;
      // from outside, the first or the last
      const from = place < 0 && by < 0 ? 0 : place;
      const next = index.images[(from + by + number) % number];
      if (next) goThrough(next.name);
    },
    [index, goThrough],
  );
  const onStatus = useCallback((next: CloudStatus) => {
    setStatus((before) =>
      before.numDrawn === next.numDrawn && before.isLoading === next.isLoading && before.heights === next.heights
        ? before
        : next,
    );
  }, []);
  const onMove = useCallback((eye: Eye3) => onViewChange({ eye }), [onViewChange]);
  const onCamera = useCallback((camera: number) => goThrough(index.images[camera]?.name ?? ''), [index, goThrough]);
  const onPoint = useCallback(
    (picked: PickedPoint | null) => {
      if (!isMeasuring) return picked ? choose(scene, picked) : clear();
      if (!picked) return;
      const { measured } = now.current.view;
      onViewChange({ measured: measured.length === 1 ? [...measured, picked.position] : [picked.position] });
    },
    [isMeasuring, scene, choose, clear, onViewChange],
  );
  const onCentre = useCallback((at: Vec3) => onViewChange({ eye: centred(now.current.eye, at) }), [onViewChange]);
  const onReady = useCallback((make: () => Promise<Blob>) => {
    capture.current = make;
  }, []);

  const toggleMeasuring = () => {
    setIsMeasuring((before) => !before);
    if (!isMeasuring) setIsPanelOpen(true);
  };
  const toggleSection = () => {
    onViewChange({ section: view.section ? null : FIRST_SECTION });
    if (!view.section) setIsPanelOpen(true);
  };
  const toggleFull = () => {
    const change = isFull ? document.exitFullscreen() : element?.requestFullscreen();
    change?.catch(() => tell('This browser shows nothing full screen here.', 'warn'));
  };
  const goHome = () => onViewChange({ eye: home, through: null });
  const save = () => {
    const failed = () => tell('The picture could not be made.', 'bad');
    capture.current?.().then((png) => download(png, `${source.key}.png`), failed);
  };
  const { linkOf } = props;
  const copyLink = () => {
    const link = linkOf?.(encodeView({ ...view, eye })) ?? '';
    const done = () => tell('The link is copied: it shows this view to whoever may see the job.');
    if (navigator.clipboard)
      navigator.clipboard.writeText(link).then(done, () => window.prompt('The link to this view', link));
    else window.prompt('The link to this view', link);
  };
  const leaveWhatIsOpen = () => {
    if (look) leave();
    else if (isMeasuring) setIsMeasuring(false);
    else clear();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const command = commandOf(event);
    const on = event.target as HTMLElement;
    if (!command || on.matches('input:not([type=checkbox]), select, textarea') || isHelpOpen) return;
    // lists and buttons keep their own keys
    if (['orbit', 'pan'].includes(command.do) && on.getAttribute('role') !== 'application') return;
    event.preventDefault();
    switch (command.do) {
      case 'orbit':
        return look ? undefined : onMove(orbited(eye, command.right, command.up));
      case 'pan':
        return look ? undefined : onMove(panned(eye, command.right, command.up));
      case 'zoom':
        return look ? undefined : onMove(zoomed(eye, command.factor));
      case 'colour':
        return onViewChange({ colour: COLOURS[command.place] ?? 'rgb' });
      case 'size': {
        const wanted = view.pointSize + command.by;
        return onViewChange({ pointSize: Math.min(POINT_SIZES.max, Math.max(POINT_SIZES.min, wanted)) });
      }
      case 'step':
        return step(command.by);
      case 'home':
        return goHome();
      case 'cameras':
        return onViewChange({ cameras: !view.cameras });
      case 'photos':
        return onViewChange({ photos: !view.photos });
      case 'grid':
        return onViewChange({ grid: !view.grid });
      case 'section':
        return toggleSection();
      case 'measure':
        return toggleMeasuring();
      case 'full':
        return toggleFull();
      case 'leave':
        return leaveWhatIsOpen();
      case 'help':
        return setIsHelpOpen(true);
    }
  };

  const length = lengthOf(view.measured);
  const measuredLength = length === null ? null : formatLength(length, view.metresPerUnit);
  const hoveredName = hovered === null ? null : index.images[hovered]?.name;
  return (
    <section
      ref={setElement}
      aria-label={props.label ?? 'Scene'}
      onKeyDown={onKeyDown}
      data-points-shown={status.numDrawn}
      data-loading={status.isLoading}
      className="relative isolate size-full min-h-64 overflow-hidden bg-sunken"
    >
      <div
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys that move the view go here
        tabIndex={0}
        aria-label="3D view. Arrow keys turn it, plus and minus zoom, question mark lists the keys."
        aria-describedby={description}
        className="absolute inset-0 -outline-offset-2"
      >
        {size && colours ? (
          <Stage
            file={file}
            cloud={cloud}
            budget={budget}
            graphics={graphics()}
            view={view}
            eye={eye}
            shown={shown}
            look={look}
            colouring={colouring}
            colours={colours}
            heights={status.heights}
            hovered={hovered}
            chosen={chosen}
            measuredLength={measuredLength}
            isMeasuring={isMeasuring}
            isCalm={isCalm}
            onStatus={onStatus}
            onMove={onMove}
            onHover={setHovered}
            onCamera={onCamera}
            onPoint={onPoint}
            onCentre={onCentre}
            onReady={onReady}
            onRedraw={props.onRedraw}
            onLost={props.onLost}
          />
        ) : null}
      </div>
      {look && view.through !== null ? (
        <PhotoOverlay source={source} name={view.through} photo={look.photo} opacity={opacity} />
      ) : null}
      <p id={description} className="sr-only">
        {describe(index, view)}
      </p>
      <p aria-live="polite" className="sr-only">
        {describePosition(view, index)}
        {seenIn ? `The point is seen in ${counted(seenIn.length, 'photo')}.` : ''}
        {measuredLength ? `Measured ${measuredLength}.` : ''}
      </p>

      <div className="pointer-events-none absolute inset-0 flex flex-col items-start gap-2 p-2 pb-9 *:pointer-events-auto sm:p-3 sm:pb-11">
        <Tools
          back={props.back ?? null}
          isPanelOpen={isPanelOpen}
          isMeasuring={isMeasuring}
          isCut={view.section !== null}
          isFull={isFull}
          onPanel={() => setIsPanelOpen(!isPanelOpen)}
          onHome={goHome}
          onMeasure={toggleMeasuring}
          onSection={toggleSection}
          onCapture={save}
          onLink={linkOf ? copyLink : null}
          onFull={toggleFull}
          onHelp={() => setIsHelpOpen(true)}
        />
        {isPanelOpen ? (
          <div className="flex min-h-0 w-64 max-w-full shrink flex-col overflow-y-auto rounded-lg border border-line bg-raised shadow-float">
            <ViewPanel view={view} colouring={colouring} onChange={onViewChange} />
            <Section
              key={isMeasuring ? 'measuring' : 'not'}
              title="Measure"
              open={isMeasuring || view.measured.length > 0}
            >
              <MeasurePanel
                view={view}
                isMeasuring={isMeasuring}
                onMeasuring={setIsMeasuring}
                onChange={onViewChange}
              />
            </Section>
            <Section title={`Cameras (${count(index.images.length)})`}>
              <CameraList images={index.images} through={view.through} onThrough={goThrough} onHover={setHovered} />
            </Section>
          </div>
        ) : null}
      </div>
      {point ? (
        <aside className="absolute right-2 bottom-9 left-2 flex max-h-[45%] flex-col overflow-hidden rounded-lg border border-line bg-raised shadow-float sm:top-3 sm:right-3 sm:bottom-auto sm:left-auto sm:max-h-[calc(100%-1.5rem)] sm:w-60">
          <TrackPanel
            source={source}
            index={index}
            point={point}
            onThrough={goThrough}
            onClose={clear}
            onRetry={() => retry(scene)}
          />
        </aside>
      ) : null}
      <div className="pointer-events-none absolute inset-x-2 bottom-2 flex flex-col items-center gap-2 sm:inset-x-3 sm:bottom-3">
        {look && view.through !== null ? (
          <div className="pointer-events-auto flex w-full justify-center">
            <PhotoBar
              name={view.through}
              place={place}
              numCameras={index.images.length}
              opacity={opacity}
              onOpacity={setOpacity}
              onStep={step}
              onLeave={leave}
            />
          </div>
        ) : null}
        <p className="self-start rounded-sm bg-ground/80 px-1.5 text-sm text-muted">
          {hoveredName ??
            `${count(status.numDrawn)} of ${counted(index.num_points, 'point')}${status.isLoading ? ' · loading' : ''}`}
        </p>
        {props.numFailed > 0 ? (
          <div
            role="alert"
            className="pointer-events-auto flex items-center gap-3 self-start rounded-md border border-warn bg-warn-wash px-3 py-1"
          >
            Parts of the scene could not be fetched.
            <Button kind="quiet" onClick={props.onRetry}>
              Try again
            </Button>
          </div>
        ) : null}
      </div>
      <HelpDialog open={isHelpOpen} onClose={() => setIsHelpOpen(false)} />
    </section>
  );
}

function download(blob: Blob, name: string) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the browser has taken it by then
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
