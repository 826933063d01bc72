/** The drawn part of the viewer: a canvas that draws when something changed. */

import { Canvas, useThree } from '@react-three/fiber';
import { useEffect, useMemo } from 'react';
import type { TiledCloud } from '../cloud/TiledCloud';
import { apply } from '../frames';
import type { PickedPoint } from '../pick/pickPoint';
import type { PointBudget } from '../tiles/PointBudget';
import type { TilesFile } from '../tiles/TilesFile';
import type { Shown } from '../useShown';
import { add, scaled, type Vec3 } from '../vec';
import { sectionPlane } from '../view/section';
import { type Eye3, pointSizeOf, type ViewState } from '../view/viewState';
import { capture } from './capture';
import { Floor, squareSize } from './Floor';
import { FrustumPhotos } from './FrustumPhotos';
import { Frustums } from './Frustums';
import type { Graphics } from './graphics';
import { MeasureMarks, SectionFrame, TrackLines } from './Marks';
import { type CloudStatus, PointCloud } from './PointCloud';
import { Pointer } from './Pointer';
import { pyramidsOf } from './pyramids';
import { FREE_FOV_DEG, Rig } from './Rig';

/** Colours of the page, for what is drawn without CSS. */
export interface StageColours {
  ground: string;
  ink: string;
  grid: string;
  line: string;
  accent: string;
  mark: string;
}

/** What is chosen. */
export interface Chosen {
  /** World frame. */
  point: Vec3 | null;
  /** Places in `images` of the cameras that stand out. */
  cameras: ReadonlySet<number>;
}

interface StageProps {
  file: TilesFile;
  cloud: TiledCloud;
  budget: PointBudget;
  graphics: Graphics;
  view: ViewState;
  shown: Shown;
  colours: StageColours;
  heights: readonly [number, number] | null;
  hovered: number | null;
  chosen: Chosen;
  isMeasuring: boolean;
  isCalm: boolean;
  onStatus: (status: CloudStatus) => void;
  onMove: (eye: Eye3) => void;
  onHover: (camera: number | null) => void;
  onCamera: (camera: number) => void;
  onPoint: (point: PickedPoint | null) => void;
  onCentre: (place: Vec3) => void;
  /** Gives a function that makes a PNG of what is seen. */
  onCapture: (capture: () => Promise<Blob>) => void;
  /** Gives what presses the middle of the view. */
  onPress: (pressMiddle: () => void) => void;
  /** Gives what asks for another frame. */
  onRedraw: (invalidate: () => void) => void;
  onLost: () => void;
}

export function Stage(props: StageProps) {
  const { isSoftware } = props.graphics;
  return (
    <Canvas
      frameloop="demand"
      flat
      dpr={isSoftware ? 1 : [1, 2]}
      gl={{ antialias: !isSoftware, powerPreference: 'high-performance' }}
      camera={{ fov: FREE_FOV_DEG, position: [...props.shown.eye.position], near: 0.01, far: 1000 }}
      // the page describes the scene in words beside it
      aria-hidden="true"
      style={{ touchAction: 'none' }}
    >
      <Scene {...props} />
    </Canvas>
  );
}

function Scene(props: StageProps) {
  const { file, cloud, view, colours, chosen, heights } = props;
  const { shownFromWorld: shown, look, eye, colouring, measuredLength } = props.shown;
  const { index } = file;
  const { gl, scene, camera, invalidate } = useThree();
  const { onCapture, onRedraw, onLost } = props;
  const pyramids = useMemo(() => pyramidsOf(index, shown), [index, shown]);
  const center = useMemo(() => apply(shown, index.core.center), [shown, index]);
  const extent = index.core.extent * shown.scale;
  const section = useMemo(() => sectionPlane(view.section, center, extent), [view.section, center, extent]);
  const names = useMemo(() => index.images.map(({ name }) => name), [index]);
  const lines = useMemo(() => ({ line: colours.line, accent: colours.accent }), [colours]);
  const measured = useMemo(() => view.measured.map((end) => apply(shown, end)), [view.measured, shown]);
  const chosenPoint = chosen.point ? apply(shown, chosen.point) : null;
  const areCamerasShown = view.cameras && look === null;
  useEffect(() => {
    const [a, b] = measured;
    const at: Vec3 | null = a && b ? scaled(add(a, b), 0.5) : null;
    const label = at && measuredLength ? { at, words: measuredLength } : null;
    onCapture(() => capture({ gl, scene, camera, ground: colours.ground, ink: colours.ink, label }));
  }, [onCapture, gl, scene, camera, colours, measured, measuredLength]);
  useEffect(() => onRedraw(() => invalidate()), [onRedraw, invalidate]);
  useEffect(() => {
    const lost = (event: Event) => {
      event.preventDefault();
      onLost();
    };
    gl.domElement.addEventListener('webglcontextlost', lost);
    return () => gl.domElement.removeEventListener('webglcontextlost', lost);
  }, [gl, onLost]);
  useEffect(() => {
    // everything that is no prop of a child: what the children do with theirs asks for a frame by itself
    invalidate();
  });
  const square = squareSize(extent, view.metresPerUnit ?? 1);
  return (
    <>
      <Rig eye={eye} look={look} extent={extent} isCalm={props.isCalm} onMove={props.onMove} />
      <PointCloud
        cloud={cloud}
        budget={props.budget}
        shown={shown}
        colouring={colouring}
        pointSize={pointSizeOf(view, index.num_points)}
        section={section}
        onStatus={props.onStatus}
      />
      {areCamerasShown ? (
        <Frustums pyramids={pyramids} hovered={props.hovered} chosen={chosen.cameras} colours={lines} />
      ) : null}
      {areCamerasShown && view.photos ? <FrustumPhotos source={file.source} names={names} pyramids={pyramids} /> : null}
      {view.grid && heights && look === null ? (
        <Floor center={center} height={heights[0]} square={square} colour={colours.grid} />
      ) : null}
      {view.section ? (
        <SectionFrame
          axis={view.section.axis}
          at={view.section.at * extent}
          center={center}
          extent={extent}
          colour={colours.accent}
        />
      ) : null}
      {measured.length > 0 ? <MeasureMarks ends={measured} length={measuredLength} colour={colours.mark} /> : null}
      {chosenPoint ? (
        <TrackLines
          point={chosenPoint}
          // where a photo was taken, its line would cross the whole view
          centers={look ? [] : [...chosen.cameras].flatMap((place) => (pyramids[place] ? [pyramids[place][0]] : []))}
          colour={colours.accent}
        />
      ) : null}
      <Pointer
        cloud={cloud}
        shown={shown}
        pyramids={areCamerasShown ? pyramids : []}
        hasPictures={view.photos}
        section={section}
        isMeasuring={props.isMeasuring}
        onHover={props.onHover}
        onCamera={props.onCamera}
        onPoint={props.onPoint}
        onCentre={props.onCentre}
        onReady={props.onPress}
      />
    </>
  );
}
