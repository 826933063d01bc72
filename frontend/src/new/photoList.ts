/** The photos that were chosen: looked at one by one, each once, whatever is dropped how often. */

import type { UploadLimits } from '../api/generated';
import { bytes, counted } from '../ui/format';
import { type ChosenFile, kindOf } from './collect';
import type { Inspector } from './inspect';
import { isWanted, type Photo, type PhotoFacts, type Transfer } from './photo';

/** What became of files that were dropped. */
export interface Added {
  numAdded: number;
  /** In the list already. */
  numKnown: number;
  /** No photos. */
  numIgnored: number;
}

export class PhotoList {
  private photos: readonly Photo[] = [];
  private readonly listeners = new Set<() => void>();
  private nextId = 1;
  private readonly told = new Map<string, PhotoFacts>();
  private telling: ReturnType<typeof setTimeout> | undefined;

  /** What is learned of photos is shown every `pauseMs`, since showing it looks at all of them; with 0 at once. */
  constructor(
    private readonly inspector: Inspector,
    private readonly pauseMs = 100,
  ) {}

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly all = (): readonly Photo[] => this.photos;

  /** Takes files in the order of their paths. */
  add(chosen: readonly ChosenFile[], limits?: UploadLimits): Added {
    const known = new Set(this.photos.map((photo) => identity(photo)));
    const added: Photo[] = [];
    const result: Added = { numAdded: 0, numKnown: 0, numIgnored: 0 };
    for (const { file, path } of [...chosen].sort((a, b) => (a.path < b.path ? -1 : 1))) {
      const kind = kindOf(path, limits?.image_endings);
      if (!kind) {
        result.numIgnored += 1;
      } else if (known.has(identity({ file, path }))) {
        result.numKnown += 1;
      } else {
        known.add(identity({ file, path }));
        const photo: Photo = { id: `photo-${this.nextId++}`, file, path, kind, transfer: { state: 'idle' } };
        const problem = limits && problemOf(photo, limits);
        added.push(problem ? { ...photo, problem } : photo);
      }
    }
    result.numAdded = added.length;
    this.become([...this.photos, ...added]);
    for (const { id, file, kind } of added) {
      if (kind === 'image') this.inspector.look(id, file, (facts) => this.learned(id, facts));
    }
    return result;
  }

  remove(id: string) {
    this.inspector.forget(id);
    release(this.get(id));
    this.become(withDuplicates(this.photos.filter((photo) => photo.id !== id)));
  }

  clear() {
    for (const photo of this.photos) {
      this.inspector.forget(photo.id);
      release(photo);
    }
    this.become([]);
  }

  get(id: string): Photo | undefined {
    return this.photos.find((photo) => photo.id === id);
  }

  /** What happens to photos on their way. */
  move(ids: ReadonlySet<string>, transfer: Transfer) {
    this.become(this.photos.map((photo) => (ids.has(photo.id) ? { ...photo, transfer } : photo)));
  }

  private learned(id: string, facts: PhotoFacts) {
    this.told.set(id, facts);
    if (this.pauseMs === 0) this.tell();
    else this.telling ??= setTimeout(() => this.tell(), this.pauseMs);
  }

  private tell() {
    this.telling = undefined;
    const photos = this.photos.map((photo) => {
      const facts = this.told.get(photo.id);
      this.told.delete(photo.id);
      return facts ? { ...photo, facts } : photo;
    });
    // those of photos that were removed meanwhile
    for (const { thumbnail } of this.told.values()) if (thumbnail) URL.revokeObjectURL(thumbnail);
    this.told.clear();
    this.become(withDuplicates(photos));
  }

  private become(photos: readonly Photo[]) {
    this.photos = photos;
    for (const listener of this.listeners) listener();
  }
}

/** Photos that should get to the server. */
export function wanted(photos: readonly Photo[]): Photo[] {
  return photos.filter(isWanted);
}

/** Marks every photo with the bytes of an earlier one; what is on its way already goes on. */
export function withDuplicates(photos: readonly Photo[]): Photo[] {
  const first = new Map<string, Photo>();
  for (const photo of photos) {
    const sha256 = photo.facts?.sha256;
    if (!sha256) continue;
    const known = first.get(sha256);
    const isOnItsWay = photo.transfer.state !== 'idle';
    if (!known || (isOnItsWay && known.transfer.state === 'idle')) first.set(sha256, photo);
  }
  return photos.map((photo) => {
    const original = photo.facts?.sha256 ? first.get(photo.facts.sha256) : undefined;
    const duplicateOf = original && original.id !== photo.id ? original.path : undefined;
    if (duplicateOf === photo.duplicateOf) return photo;
    const { duplicateOf: _, ...rest } = photo;
    return duplicateOf ? { ...rest, duplicateOf } : rest;
  });
}

/** Why the server would refuse it, as far as can be told from outside. */
function problemOf({ file, kind }: Photo, limits: UploadLimits): string | undefined {
  if (file.size === 0) return 'the file is empty';
  const max = kind === 'zip' ? limits.max_bytes : Math.min(limits.max_bytes, limits.max_image_bytes);
  return file.size > max ? `${bytes(file.size)}, the server takes at most ${bytes(max)}` : undefined;
}

/** Why the photos together would be refused, or are too few. */
export function problemOfAll(photos: readonly Photo[], limits: UploadLimits | undefined): string | undefined {
  const chosen = wanted(photos);
  const images = chosen.filter((photo) => photo.kind === 'image');
  if (chosen.length === images.length && images.length < 2) return 'a reconstruction needs at least two photos';
  if (!limits) return undefined;
  if (images.length > limits.max_files) {
    return `${counted(images.length, 'photo')}, a reconstruction may have at most ${counted(limits.max_files, 'photo')}`;
  }
  const size = chosen.reduce((sum, photo) => sum + photo.file.size, 0);
  return size > limits.max_user_bytes
    ? `${bytes(size)}, you may keep at most ${bytes(limits.max_user_bytes)}`
    : undefined;
}

/** The same file chosen twice, also by two ways to it. */
function identity({ file, path }: ChosenFile): string {
  return `${path}\n${file.size}\n${file.lastModified}`;
}

function release(photo: Photo | undefined) {
  if (photo?.facts?.thumbnail) URL.revokeObjectURL(photo.facts.thumbnail);
}
