/** The points, kept up with the camera: fewer while it moves, more when it rests. */

import { useFrame, useThree } from '@react-three/fiber';
import { useEffect, useRef } from 'react';
import { type PerspectiveCamera, Vector4 } from 'three';
import type { Colouring } from '../cloud/colouring';
import { NO_SECTION } from '../cloud/material';
import type { TiledCloud } from '../cloud/TiledCloud';
import type { Similarity } from '../frames';
import type { PointBudget } from '../tiles/PointBudget';

/** The view rests when it has not moved for so long. */
const REST_MS = 180;

export interface CloudStatus {
  /** Points that are drawn. */
  numDrawn: number;
  /** Whether more are on their way. */
  isLoading: boolean;
  heights: readonly [number, number] | null;
}

interface PointCloudProps {
  cloud: TiledCloud;
  budget: PointBudget;
  shown: Similarity;
  colouring: Colouring;
  /** CSS px. */
  pointSize: number;
  /** Normal and offset in the shown frame, positive where points stay. */
  section: readonly [number, number, number, number] | null;
  onStatus: (status: CloudStatus) => void;
}

export function PointCloud({ cloud, budget, shown, colouring, pointSize, section, onStatus }: PointCloudProps) {
  const { invalidate } = useThree();
  const pixelRatio = useThree((state) => state.viewport.dpr);
  const pace = useRef({ matrix: '', movedAt: 0, timer: 0 });
  useEffect(() => {
    cloud.place(shown);
    invalidate();
  }, [cloud, shown, invalidate]);
  useEffect(() => {
    const { uniforms } = cloud;
    uniforms.mode.value = colouring.mode;
    uniforms.range.value.set(...colouring.range);
    uniforms.section.value = section ? new Vector4(...section) : NO_SECTION;
    uniforms.pointSize.value = pointSize * pixelRatio;
    uniforms.isRound.value = pointSize * pixelRatio >= 4;
    invalidate();
  }, [cloud, colouring, section, pointSize, pixelRatio, invalidate]);
  useEffect(() => () => clearTimeout(pace.current.timer), []);
  useFrame(({ camera, size, clock }) => {
    const begun = performance.now();
    const now = clock.elapsedTime * 1000;
    const { current } = pace;
    const matrix = [...camera.matrixWorld.elements, ...camera.projectionMatrix.elements].join();
    if (matrix !== current.matrix) {
      // the first frame is no movement
      if (current.matrix !== '') current.movedAt = now;
      current.matrix = matrix;
    }
    const isMoving = current.movedAt > 0 && now - current.movedAt < REST_MS;
    const selection = cloud.update(camera as PerspectiveCamera, size.height, budget.points(isMoving));
    // what a frame costs shows in when the next one may begin; what passes until one is asked for does not
    if (isMoving) requestAnimationFrame(() => budget.observe(performance.now() - begun, selection.isCut));
    clearTimeout(current.timer);
    if (isMoving) current.timer = window.setTimeout(invalidate, REST_MS + 20);
    const numDrawn = selection.draw.reduce((sum, node) => sum + node.numPoints, 0);
    onStatus({ numDrawn, isLoading: selection.want.length > 0, heights: cloud.heightRange });
  });
  return <primitive object={cloud.group} />;
}
