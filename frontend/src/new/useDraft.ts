/** The draft for components: its photos, how far they are, how fast. */

import { useEffect, useState, useSyncExternalStore } from 'react';
import { photoList, uploadQueue } from './draft';
import { type Photo, sentBytes } from './photo';
import { wanted } from './photoList';
import type { QueueState } from './uploadQueue';

const MEASURED_EVERY_MS = 500;

export interface Progress {
  numPhotos: number;
  numDone: number;
  numFailed: number;
  bytes: number;
  sentBytes: number;
  /** Bytes a second; `undefined` while nobody knows. */
  rate: number | undefined;
  etaSecs: number | undefined;
}

export function usePhotos(): readonly Photo[] {
  return useSyncExternalStore(photoList.subscribe, photoList.all);
}

export function useQueue(): QueueState {
  return useSyncExternalStore(uploadQueue.subscribe, uploadQueue.state);
}

export function progressOf(photos: readonly Photo[], rate: number | undefined): Progress {
  const sending = wanted(photos);
  const sum = (of: (photo: Photo) => number) => sending.reduce((total, photo) => total + of(photo), 0);
  const [bytes, sent] = [sum((photo) => photo.file.size), sum(sentBytes)];
  return {
    numPhotos: sending.length,
    numDone: sending.filter((photo) => photo.transfer.state === 'done').length,
    numFailed: sending.filter((photo) => photo.transfer.state === 'failed').length,
    bytes,
    sentBytes: sent,
    rate,
    etaSecs: rate ? (bytes - sent) / rate : undefined,
  };
}

/** Measures while something is sent. */
export function useRate(isRunning: boolean): number | undefined {
  const [rate, setRate] = useState<number>();
  useEffect(() => {
    if (!isRunning) return setRate(undefined);
    const timer = setInterval(() => {
      uploadQueue.measure(performance.now());
      setRate(uploadQueue.rate());
    }, MEASURED_EVERY_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  return rate;
}
