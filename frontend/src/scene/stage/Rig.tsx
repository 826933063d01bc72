/** The camera: moved by hand around a target, or standing where a photo was taken. */

import { OrbitControls } from '@react-three/drei';
import { useFrame, useThree } from '@react-three/fiber';
import { type ComponentRef, useEffect, useRef } from 'react';
import type { PerspectiveCamera } from 'three';
import type { Look } from '../view/lookThrough';
import type { Eye3 } from '../view/viewState';

/** Vertical opening angle of the free view, degrees. */
export const FREE_FOV_DEG = 50;

interface RigProps {
  eye: Eye3;
  /** Where a photo was taken, while it is looked through. */
  look: Look | null;
  /** Of the scene, shown units. */
  extent: number;
  isCalm: boolean;
  onMove: (eye: Eye3) => void;
}

export function Rig({ eye, look, extent, isCalm, onMove }: RigProps) {
  const camera = useThree((state) => state.camera) as PerspectiveCamera;
  const { invalidate } = useThree();
  const controls = useRef<ComponentRef<typeof OrbitControls>>(null);
  const told = useRef<Eye3 | null>(null);
  const isByHand = useRef(false);
  useEffect(() => {
    if (look) {
      camera.position.set(...look.position);
      const [w, x, y, z] = look.rotation;
      camera.quaternion.set(x, y, z, w);
      told.current = null;
    } else if (eye !== told.current && controls.current) {
      // set from outside: by a link, a key, another viewer
      told.current = eye;
      isByHand.current = false;
      camera.position.set(...eye.position);
      controls.current.target.set(...eye.target);
      controls.current.update();
    }
    camera.fov = look?.fovDeg ?? FREE_FOV_DEG;
    camera.updateProjectionMatrix();
    invalidate();
  }, [camera, eye, look, invalidate]);
  useFrame(() => {
    const distance = controls.current && !look ? camera.position.distanceTo(controls.current.target) : extent;
    // as close as one may come, as far as outliers may be worth seeing
    const [near, far] = [Math.max(0.002 * distance, 1e-5 * extent), distance + 100 * extent];
    if (Math.abs(near / camera.near - 1) < 0.05 && Math.abs(far / camera.far - 1) < 0.05) return;
    camera.near = near;
    camera.far = far;
    camera.updateProjectionMatrix();
  }, -1);
  return (
    <OrbitControls
      ref={controls}
      enabled={look === null}
      enableDamping={!isCalm}
      dampingFactor={0.15}
      zoomToCursor
      minDistance={1e-3 * extent}
      maxDistance={50 * extent}
      onStart={() => {
        isByHand.current = true;
      }}
      onChange={() => {
        // it changes too while the window is laid out, which is no choice of anybody
        if (!controls.current || look || !isByHand.current) return;
        const { x, y, z } = controls.current.target;
        const moved: Eye3 = { position: camera.position.toArray(), target: [x, y, z] };
        if (told.current && isSame(moved, told.current)) return;
        told.current = moved;
        onMove(moved);
      }}
    />
  );
}

function isSame(a: Eye3, b: Eye3): boolean {
  const values = ({ position, target }: Eye3) => [...position, ...target];
  const others = values(b);
  return values(a).every((value, i) => Math.abs(value - (others[i] ?? 0)) <= 1e-9 * (1 + Math.abs(value)));
}
