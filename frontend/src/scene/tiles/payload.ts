/** Bytes of a node as arrays for the graphics card. */

/** Of all points of a node. */
export interface NodePoints {
  numPoints: number;
  /** `[n, 4]`: x, y, z in 1/65535 of the cube, reprojection error in 1/1024 px (65535: never computed). */
  places: Uint16Array<ArrayBuffer>;
  /** `[n, 4]`: red, green, blue (sRGB), track length (255: that or more). */
  tints: Uint8Array<ArrayBuffer>;
}

/** Bytes that a point takes in memory. */
export const BYTES_PER_POINT = 12;

/** What is wrong is told instead of drawn. */
export function unpackNode(payload: ArrayBuffer, numPoints: number): NodePoints {
  if (payload.byteLength < 13 * numPoints) {
    throw new RangeError(`a node of ${numPoints} points has ${payload.byteLength} bytes, expected ${13 * numPoints}`);
  }
  const words = new Uint16Array(payload, 0, 5 * numPoints);
  const colours = new Uint8Array(payload, 10 * numPoints, 3 * numPoints);
  const places = new Uint16Array(4 * numPoints);
  const tints = new Uint8Array(4 * numPoints);
  for (let i = 0; i < numPoints; i++) {
    places[4 * i] = words[3 * i] ?? 0;
    places[4 * i + 1] = words[3 * i + 1] ?? 0;
    places[4 * i + 2] = words[3 * i + 2] ?? 0;
    places[4 * i + 3] = words[3 * numPoints + i] ?? 0;
    tints[4 * i] = colours[3 * i] ?? 0;
    tints[4 * i + 1] = colours[3 * i + 1] ?? 0;
    tints[4 * i + 2] = colours[3 * i + 2] ?? 0;
    tints[4 * i + 3] = Math.min(255, words[4 * numPoints + i] ?? 0);
  }
  return { numPoints, places, tints };
}

/** Error of a point in px; `null` if it was never computed. */
export function errorPx(points: NodePoints, i: number): number | null {
  const steps = points.places[4 * i + 3] ?? 65535;
  return steps === 65535 ? null : steps / 1024;
}
