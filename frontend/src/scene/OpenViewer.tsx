/** An open scene with its tools around it. */

import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useIsDark } from '../state/theme';
import { count, counted } from '../ui/format';
import { tell } from '../ui/Toast';
import { copyLink, saveFile } from './handOut';
import { CameraList } from './panels/CameraList';
import { HelpDialog } from './panels/HelpDialog';
import { Hint } from './panels/Hint';
import { MeasurePanel } from './panels/MeasurePanel';
import { PhotoBar, PhotoOverlay } from './panels/PhotoOverlay';
import { Section } from './panels/Section';
import { StatusLine } from './panels/StatusLine';
import { Tools } from './panels/Tools';
import { TrackPanel } from './panels/TrackPanel';
import { ViewPanel } from './panels/ViewPanel';
import type { PickedPoint } from './pick/pickPoint';
import type { SceneViewerProps } from './SceneViewer';
import { stageColours } from './stage/colours';
import { graphics } from './stage/graphics';
import type { CloudStatus } from './stage/PointCloud';
import { Stage, type StageColours } from './stage/Stage';
import { type Own, useActions } from './useActions';
import { useFullScreen } from './useFullScreen';
import { usePrefersCalm } from './usePrefersCalm';
import { useShown } from './useShown';
import { useSize } from './useSize';
import type { OpenScene } from './useTilesFile';
import { useTrack } from './useTrack';
import { encodeView } from './view/viewState';
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
  const { scene, source, view, onViewChange, linkOf } = props;
  const { file, cloud, budget } = scene;
  const { index } = file;
  const [element, setElement] = useState<HTMLElement | null>(null);
  const size = useSize(element);
  const isDark = useIsDark();
  const isCalm = usePrefersCalm();
  const { isFull, toggle: toggleFull } = useFullScreen(element);
  const description = useId();
  const [status, setStatus] = useState<CloudStatus>({ numDrawn: 0, isLoading: true, heights: null });
  const [hovered, setHovered] = useState<number | null>(null);
  const [isMeasuring, setIsMeasuring] = useState(false);
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [isPanelOpen, setIsPanelOpen] = useState(props.hasPanel ?? false);
  const [opacity, setOpacity] = useState(FIRST_OPACITY);
  const [colours, setColours] = useState<StageColours | null>(null);
  const { point, choose, clear, retry } = useTrack();
  const capture = useRef<(() => Promise<Blob>) | null>(null);
  const pressMiddle = useRef<(() => void) | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the theme
  useEffect(() => setColours(element ? stageColours(element) : null), [element, isDark]);

  const shown = useShown(index, view, props.shownFromWorld, size, status.heights);
  const { look, measuredLength } = shown;
  const toggleMeasuring = () => {
    setIsMeasuring(!isMeasuring);
    if (!isMeasuring) setIsPanelOpen(true);
  };
  const onOwn = (what: Own) => {
    if (what === 'full') toggleFull();
    else if (what === 'help') setIsHelpOpen(true);
    else if (what === 'measure') toggleMeasuring();
    else if (what === 'press') pressMiddle.current?.();
    else clear();
  };
  const actions = useActions({ index, view, shown, isMeasuring, onViewChange, onOwn });
  const { goThrough, onEnd } = actions;

  const onStatus = useCallback((next: CloudStatus) => {
    const isSame = (before: CloudStatus) =>
      before.numDrawn === next.numDrawn && before.isLoading === next.isLoading && before.heights === next.heights;
    setStatus((before) => (isSame(before) ? before : next));
  }, []);
  const onCamera = useCallback((camera: number) => goThrough(index.images[camera]?.name ?? ''), [index, goThrough]);
  const onPoint = useCallback(
    (picked: PickedPoint | null) => {
      if (isMeasuring) return picked ? onEnd(picked.position) : undefined;
      if (picked) choose(scene, picked);
      else clear();
    },
    [isMeasuring, scene, choose, clear, onEnd],
  );
  const onCapture = useCallback((make: () => Promise<Blob>) => {
    capture.current = make;
  }, []);
  const onPress = useCallback((press: () => void) => {
    pressMiddle.current = press;
  }, []);
  const save = () => {
    const failed = () => tell('The picture could not be made.', 'bad');
    capture.current?.().then((png) => saveFile(png, `${source.key}.png`), failed);
  };

  const seenIn = point?.track.state === 'there' ? point.track.track.observations : null;
  const chosen = useMemo(
    () => ({ point: point?.position ?? null, cameras: new Set(seenIn?.map(({ image }) => image)) }),
    [point, seenIn],
  );
  const isUntouched = view.eye === null && view.through === null && !point && !isMeasuring;
  return (
    <section
      ref={setElement}
      aria-label={props.label ?? 'Scene'}
      onKeyDown={actions.onKeyDown}
      data-points-shown={status.numDrawn}
      data-loading={status.isLoading}
      className="relative isolate size-full min-h-64 overflow-hidden bg-sunken"
    >
      <div
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys that move the view go here
        tabIndex={0}
        aria-label="3D view. Arrow keys turn it, plus and minus zoom, Enter chooses what is in the middle, question mark lists the keys."
        aria-describedby={description}
        className="peer absolute inset-0 -outline-offset-2"
      >
        {size && colours ? (
          <Stage
            file={file}
            cloud={cloud}
            budget={budget}
            graphics={graphics()}
            view={view}
            shown={shown}
            colours={colours}
            heights={status.heights}
            hovered={hovered}
            chosen={chosen}
            isMeasuring={isMeasuring}
            // what glides takes many frames to come to rest
            isCalm={isCalm || graphics().isSoftware}
            onStatus={onStatus}
            onMove={actions.onMove}
            onHover={setHovered}
            onCamera={onCamera}
            onPoint={onPoint}
            onCentre={actions.onCentre}
            onCapture={onCapture}
            onPress={onPress}
            onRedraw={props.onRedraw}
            onLost={props.onLost}
          />
        ) : null}
      </div>
      {/* what Enter would choose */}
      <span
        aria-hidden="true"
        className="pointer-events-none absolute top-1/2 left-1/2 hidden size-5 -translate-1/2 rounded-full border-2 border-accent peer-focus-visible:block"
      />
      {look && view.through !== null ? (
        <PhotoOverlay source={source} name={view.through} photo={look.photo} opacity={opacity} />
      ) : null}
      <p id={description} className="sr-only">
        {describe(index, view, shown.shownFromWorld.scale)}
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
          onHome={actions.goHome}
          onMeasure={toggleMeasuring}
          onSection={() => {
            actions.toggleSection();
            if (!view.section) setIsPanelOpen(true);
          }}
          onCapture={save}
          onLink={linkOf ? () => copyLink(linkOf(encodeView({ ...view, eye: shown.eye }))) : null}
          onFull={toggleFull}
          onHelp={() => setIsHelpOpen(true)}
        />
        {isPanelOpen ? (
          <div className="flex min-h-0 w-64 max-w-full shrink flex-col overflow-y-auto rounded-lg border border-line bg-raised shadow-float">
            <ViewPanel view={view} colouring={shown.colouring} numPoints={index.num_points} onChange={onViewChange} />
            <Section
              key={isMeasuring ? 'measuring' : 'not'}
              title="Measure"
              open={isMeasuring || view.measured.length > 0}
            >
              <MeasurePanel
                view={view}
                units={shown.measuredUnits}
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
      <div className="pointer-events-none absolute inset-x-2 bottom-2 flex flex-col items-center gap-2 *:pointer-events-auto sm:inset-x-3 sm:bottom-3">
        {look && view.through !== null ? (
          <PhotoBar
            name={view.through}
            place={shown.place}
            numCameras={index.images.length}
            opacity={opacity}
            onOpacity={setOpacity}
            onStep={actions.step}
            onLeave={actions.leave}
          />
        ) : null}
        {props.linkOf && isUntouched ? <Hint /> : null}
        <StatusLine
          hovered={hovered === null ? null : (index.images[hovered]?.name ?? null)}
          status={status}
          numPoints={index.num_points}
          numFailed={props.numFailed}
          onRetry={props.onRetry}
        />
      </div>
      <HelpDialog open={isHelpOpen} onClose={() => setIsHelpOpen(false)} />
    </section>
  );
}
