/** Unpacks nodes beside the page's thread. */

import { unpackNode } from './payload';

interface Order {
  id: number;
  payload: ArrayBuffer;
  numPoints: number;
}

// the types of a page are the only ones here: a worker's `postMessage` takes what to hand over as its second argument
const answer = self.postMessage.bind(self) as (message: unknown, transfer: Transferable[]) => void;

self.onmessage = ({ data }: MessageEvent<Order>) => {
  try {
    const points = unpackNode(data.payload, data.numPoints);
    answer({ id: data.id, points }, [points.places.buffer, points.tints.buffer]);
  } catch (error) {
    answer({ id: data.id, error: String(error) }, []);
  }
};
