/** Photos on the frustums, of the cameras that look largest; fetched when they come near. */

import { useFrame, useThree } from '@react-three/fiber';
import { useEffect, useMemo, useRef, useState } from 'react';
import { BufferGeometry, DoubleSide, Float32BufferAttribute, SRGBColorSpace, Texture, Vector3 } from 'three';
import type { Pyramid } from '../pick/pickCamera';
import type { SceneSource } from '../tiles/source';
import { nearestCameras } from './nearestCameras';

const MAX_PHOTOS = 40;
const EVERY_MS = 300;

interface FrustumPhotosProps {
  source: SceneSource;
  names: readonly string[];
  pyramids: readonly Pyramid[];
}

export function FrustumPhotos({ source, names, pyramids }: FrustumPhotosProps) {
  const [near, setNear] = useState<number[]>([]);
  const lookedAt = useRef(Number.NEGATIVE_INFINITY);
  const forward = useMemo(() => new Vector3(), []);
  // other cameras: look again
  useEffect(() => {
    lookedAt.current = Number.NEGATIVE_INFINITY;
    setNear((before) => before.filter((camera) => camera < pyramids.length));
  }, [pyramids]);
  useFrame(({ camera, clock }) => {
    const now = clock.elapsedTime * 1000;
    if (now - lookedAt.current < EVERY_MS) return;
    lookedAt.current = now;
    const { x, y, z } = camera.position;
    const { x: fx, y: fy, z: fz } = camera.getWorldDirection(forward);
    const next = nearestCameras(pyramids, [x, y, z], [fx, fy, fz], MAX_PHOTOS).toSorted((a, b) => a - b);
    if (next.join() !== near.join()) setNear(next);
  });
  return near.map((camera) => {
    const [name, pyramid] = [names[camera], pyramids[camera]];
    return name !== undefined && pyramid ? <Photo key={name} source={source} name={name} pyramid={pyramid} /> : null;
  });
}

function Photo({ source, name, pyramid }: { source: SceneSource; name: string; pyramid: Pyramid }) {
  const { invalidate } = useThree();
  const [texture, setTexture] = useState<Texture | null>(null);
  const geometry = useMemo(() => {
    const [, ...corners] = pyramid;
    const made = new BufferGeometry();
    made.setAttribute('position', new Float32BufferAttribute(corners.flat(), 3));
    made.setAttribute('uv', new Float32BufferAttribute([0, 0, 1, 0, 1, 1, 0, 1], 2));
    made.setIndex([0, 2, 1, 0, 3, 2]);
    return made;
  }, [pyramid]);
  useEffect(() => () => geometry.dispose(), [geometry]);
  useEffect(() => {
    const abort = new AbortController();
    let made: Texture | null = null;
    const load = async () => {
      const bitmap = await createImageBitmap(await source.photo(name, 'small', abort.signal));
      if (abort.signal.aborted) return bitmap.close();
      made = new Texture(bitmap);
      made.colorSpace = SRGBColorSpace;
      // the corner at the top left comes first, in the bitmap too
      made.flipY = false;
      made.needsUpdate = true;
      setTexture(made);
      invalidate();
    };
    // a frustum without its photo is still a frustum
    load().catch(() => undefined);
    return () => {
      abort.abort();
      made?.dispose();
      setTexture(null);
    };
  }, [source, name, invalidate]);
  if (!texture) return null;
  return (
    <mesh geometry={geometry}>
      <meshBasicMaterial map={texture} side={DoubleSide} toneMapped={false} />
    </mesh>
  );
}
