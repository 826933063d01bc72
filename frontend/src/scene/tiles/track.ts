/** Who saw a point: its row, then its observations. */

export const ROW_BYTES = 16;
export const OBSERVATION_BYTES = 8;

export interface TrackRow {
  /** Id of the point in the model. */
  id: bigint;
  first: number;
  count: number;
}

export interface Observation {
  /** Index in `images`. */
  image: number;
  /** Shares of the image's width and height, 0 to 1. */
  x: number;
  y: number;
}

export function parseRow(bytes: ArrayBuffer): TrackRow {
  const view = new DataView(bytes);
  return { id: view.getBigUint64(0, true), first: view.getUint32(8, true), count: view.getUint32(12, true) };
}

export function parseObservations(bytes: ArrayBuffer): Observation[] {
  const view = new DataView(bytes);
  const observations: Observation[] = [];
  for (let at = 0; at + OBSERVATION_BYTES <= bytes.byteLength; at += OBSERVATION_BYTES) {
    const [x, y] = [view.getUint16(at + 4, true) / 65535, view.getUint16(at + 6, true) / 65535];
    observations.push({ image: view.getUint32(at, true), x, y });
  }
  return observations;
}
