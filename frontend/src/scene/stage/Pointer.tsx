/** What the pointer means: a click on a camera or a point, a double click to turn around a place. */

import { useThree } from '@react-three/fiber';
import { useEffect, useRef } from 'react';
import { Matrix4 } from 'three';
import type { TiledCloud } from '../cloud/TiledCloud';
import { apply, matrixOf, type Similarity } from '../frames';
import { type Pyramid, pickCamera } from '../pick/pickCamera';
import { type PickedPoint, pickPoint } from '../pick/pickPoint';
import { project, times, windowFromClip } from '../pick/project';
import type { Vec3 } from '../vec';

const RADIUS_PX = { mouse: 8, touch: 18 };
/** A press that moves farther turns the view. */
const CLICK_PX = 5;
const CLICK_MS = 500;

interface PointerProps {
  cloud: TiledCloud;
  shown: Similarity;
  /** Empty where cameras can't be picked. */
  pyramids: readonly Pyramid[];
  hasPictures: boolean;
  /** Plane in the shown frame, positive where points stay. */
  section: readonly [number, number, number, number] | null;
  /** Points only: cameras are no ends of what is measured. */
  isMeasuring: boolean;
  onHover: (camera: number | null) => void;
  onCamera: (camera: number) => void;
  onPoint: (point: PickedPoint | null) => void;
  /** A place of the shown frame to turn around. */
  onCentre: (place: Vec3) => void;
  /** Gives what presses the middle of the view, for those who use keys. */
  onReady: (pressMiddle: () => void) => void;
}

export function Pointer(props: PointerProps) {
  const { gl, camera, size } = useThree();
  // handlers are attached once, and see the props as they are when they run
  const latest = useRef(props);
  latest.current = props;
  const window_ = useRef(size);
  window_.current = size;
  useEffect(() => {
    const element = gl.domElement;
    let pressed: { x: number; y: number; at: number } | null = null;
    let frame = 0;
    const windowFromShown = () => {
      camera.updateMatrixWorld();
      const viewed = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
      return times(windowFromClip(window_.current.width, window_.current.height), viewed.elements);
    };
    const place = (event: PointerEvent | MouseEvent) => {
      const { left, top } = element.getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    };
    const radius = (event: PointerEvent | MouseEvent) =>
      'pointerType' in event && event.pointerType === 'touch' ? RADIUS_PX.touch : RADIUS_PX.mouse;
    const cameraAt = (at: { x: number; y: number }, radiusPx: number) => {
      const { pyramids, hasPictures, isMeasuring } = latest.current;
      if (isMeasuring) return null;
      return pickCamera(pyramids, { ...at, radiusPx: radiusPx / 2, windowFromFrame: windowFromShown(), hasPictures });
    };
    const pointAt = (at: { x: number; y: number }, radiusPx: number) => {
      const { cloud, shown, section } = latest.current;
      const windowFromWorld = times(windowFromShown(), matrixOf(shown));
      const isCut = (world: Vec3) => section !== null && sideOf(section, apply(shown, world)) < 0;
      return pickPoint(cloud.drawnPoints, { ...at, radiusPx, windowFromWorld, isCut });
    };
    const press = (at: { x: number; y: number }, radiusPx: number) => {
      const onCamera = cameraAt(at, radiusPx);
      const point = pointAt(at, radiusPx);
      const seen = point && project(windowFromShown(), apply(latest.current.shown, point.position));
      // a point well in front of a camera hides it
      if (onCamera && onCamera.depth <= 1.05 * (seen?.depth ?? Number.POSITIVE_INFINITY)) {
        latest.current.onCamera(onCamera.camera);
      } else {
        latest.current.onPoint(point);
      }
    };
    latest.current.onReady(() => {
      const { width, height } = window_.current;
      press({ x: width / 2, y: height / 2 }, RADIUS_PX.touch);
    });
    const down = (event: PointerEvent) => {
      pressed = event.isPrimary && event.button === 0 ? { ...place(event), at: event.timeStamp } : null;
    };
    const up = (event: PointerEvent) => {
      const { x, y } = place(event);
      const isClick =
        pressed && Math.hypot(x - pressed.x, y - pressed.y) <= CLICK_PX && event.timeStamp - pressed.at <= CLICK_MS;
      pressed = null;
      if (isClick) press({ x, y }, radius(event));
    };
    const move = (event: PointerEvent) => {
      if (pressed || event.pointerType === 'touch') return;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const hovered = cameraAt(place(event), RADIUS_PX.mouse)?.camera ?? null;
        element.style.cursor = latest.current.isMeasuring ? 'crosshair' : hovered === null ? '' : 'pointer';
        latest.current.onHover(hovered);
      });
    };
    const leave = () => latest.current.onHover(null);
    const double = (event: MouseEvent) => {
      const point = pointAt(place(event), RADIUS_PX.mouse);
      if (point && !latest.current.isMeasuring) latest.current.onCentre(apply(latest.current.shown, point.position));
    };
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('dblclick', double);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('dblclick', double);
    };
  }, [gl, camera]);
  return null;
}

function sideOf([nx, ny, nz, d]: readonly [number, number, number, number], [x, y, z]: Vec3): number {
  return nx * x + ny * y + nz * z + d;
}
