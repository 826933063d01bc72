/** What is drawn on top of the scene: dots of a size on the screen, lines between places, the frame of the section. */

import { Html, Line } from '@react-three/drei';
import { useFrame } from '@react-three/fiber';
import { useRef } from 'react';
import type { Mesh } from 'three';
import type { Vec3 } from '../vec';

const DOT_RADIUS_PX = 5;

/** A dot that is as large from afar as from near. */
export function Dot({ at, colour }: { at: Vec3; colour: string }) {
  const mesh = useRef<Mesh>(null);
  useFrame(({ camera, size }) => {
    if (!mesh.current || !('fov' in camera)) return;
    const distance = camera.position.distanceTo(mesh.current.position);
    const unitsPerPx = (2 * distance * Math.tan((camera.fov * Math.PI) / 360)) / size.height;
    mesh.current.scale.setScalar(DOT_RADIUS_PX * unitsPerPx);
  });
  return (
    <mesh ref={mesh} position={[...at]} renderOrder={2}>
      <sphereGeometry args={[1, 16, 12]} />
      <meshBasicMaterial color={colour} depthTest={false} transparent toneMapped={false} />
    </mesh>
  );
}

/** What is measured: its ends, and its length where there are two. */
export function MeasureMarks({
  ends,
  length,
  colour,
}: {
  ends: readonly Vec3[];
  length: string | null;
  colour: string;
}) {
  const [a, b] = ends;
  return (
    <>
      {ends.map((end) => (
        <Dot key={end.join()} at={end} colour={colour} />
      ))}
      {a && b ? (
        <>
          <Line points={[[...a], [...b]]} color={colour} lineWidth={2} depthTest={false} transparent renderOrder={2} />
          <Html
            position={[(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2]}
            center
            zIndexRange={[5, 0]}
            style={{ pointerEvents: 'none' }}
          >
            <span className="rounded-sm border border-line bg-raised px-1.5 py-0.5 font-medium whitespace-nowrap text-ink">
              {length}
            </span>
          </Html>
        </>
      ) : null}
    </>
  );
}

/** From a point to the cameras that see it. */
export function TrackLines({ point, centers, colour }: { point: Vec3; centers: readonly Vec3[]; colour: string }) {
  const ends = centers.flatMap((center): [number, number, number][] => [[...point], [...center]]);
  return (
    <>
      <Dot at={point} colour={colour} />
      {ends.length > 0 ? <Line points={ends} segments color={colour} lineWidth={1} transparent opacity={0.6} /> : null}
    </>
  );
}

/** The plane of the section: a square around the scene. */
export function SectionFrame({
  axis,
  at,
  center,
  extent,
  colour,
}: {
  axis: 0 | 1 | 2;
  at: number;
  center: Vec3;
  extent: number;
  colour: string;
}) {
  const half = 0.6 * extent;
  const corner = (u: number, v: number): [number, number, number] => {
    const place: [number, number, number] = [...center];
    place[axis] += at;
    place[((axis + 1) % 3) as 0 | 1 | 2] += u * half;
    place[((axis + 2) % 3) as 0 | 1 | 2] += v * half;
    return place;
  };
  return (
    <Line
      points={[corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)]}
      color={colour}
      lineWidth={1.5}
    />
  );
}
