/** All cameras as line pyramids, in one draw call; the one under the pointer and the chosen one stand out. */

import { useThree } from '@react-three/fiber';
import { useEffect, useMemo } from 'react';
import { BufferGeometry, Color, Float32BufferAttribute } from 'three';
import type { Pyramid } from '../pick/pickCamera';
import { edgesOf } from './pyramids';

interface FrustumsProps {
  pyramids: readonly Pyramid[];
  /** Places in the list. */
  hovered: number | null;
  chosen: ReadonlySet<number>;
  /** Of an ordinary one, and of one that stands out. */
  colours: { line: string; accent: string };
}

export function Frustums({ pyramids, hovered, chosen, colours }: FrustumsProps) {
  const { invalidate } = useThree();
  const geometry = useMemo(() => {
    const made = new BufferGeometry();
    const places = pyramids.flatMap((pyramid) => edgesOf(pyramid).flat());
    made.setAttribute('position', new Float32BufferAttribute(places, 3));
    made.setAttribute('color', new Float32BufferAttribute(new Float32Array(places.length), 3));
    return made;
  }, [pyramids]);
  useEffect(() => () => geometry.dispose(), [geometry]);
  useEffect(() => {
    const colour = geometry.getAttribute('color');
    const [line, accent] = [new Color(colours.line), new Color(colours.accent)];
    const perCamera = colour.count / Math.max(1, pyramids.length);
    for (let vertex = 0; vertex < colour.count; vertex++) {
      const camera = Math.floor(vertex / perCamera);
      const { r, g, b } = camera === hovered || chosen.has(camera) ? accent : line;
      colour.setXYZ(vertex, r, g, b);
    }
    colour.needsUpdate = true;
    invalidate();
  }, [geometry, pyramids, hovered, chosen, colours, invalidate]);
  return (
    <lineSegments geometry={geometry} frustumCulled={false}>
      <lineBasicMaterial vertexColors toneMapped={false} />
    </lineSegments>
  );
}
