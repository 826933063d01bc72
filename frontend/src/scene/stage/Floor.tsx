/** The ground as a grid, at the height of the lowest points; its squares are of a round length. */

import { useEffect, useMemo } from 'react';
import { BufferGeometry, Float32BufferAttribute } from 'three';
import type { Vec3 } from '../vec';

const SQUARES_A_SIDE = 20;

/** 1, 2 or 5 times a power of ten: about a tenth of the scene. */
export function squareSize(extent: number, unitLength: number): number {
  const wanted = (extent * unitLength) / 10;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= 0.7 * wanted) ?? 10;
  return (step * power) / unitLength;
}

interface FloorProps {
  center: Vec3;
  height: number;
  /** Shown units. */
  square: number;
  colour: string;
}

export function Floor({ center, height, square, colour }: FloorProps) {
  const geometry = useMemo(() => {
    const half = (SQUARES_A_SIDE / 2) * square;
    const ends: number[] = [];
    for (let i = 0; i <= SQUARES_A_SIDE; i++) {
      const at = i * square - half;
      ends.push(-half, 0, at, half, 0, at, at, 0, -half, at, 0, half);
    }
    return new BufferGeometry().setAttribute('position', new Float32BufferAttribute(ends, 3));
  }, [square]);
  useEffect(() => () => geometry.dispose(), [geometry]);
  return (
    <lineSegments geometry={geometry} position={[center[0], height, center[2]]}>
      <lineBasicMaterial color={colour} transparent opacity={0.35} toneMapped={false} depthWrite={false} />
    </lineSegments>
  );
}
