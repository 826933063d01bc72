/** Files out of what was dropped or chosen, folders walked through, and what of them is worth sending. */

import type { PhotoKind } from './photo';

/** A file with its place below the folder that was chosen. */
export interface ChosenFile {
  file: File;
  path: string;
}

/** As the server takes them; asked for at run time, this is what holds until the answer is here. */
export const DEFAULT_IMAGE_ENDINGS = ['jpg', 'jpeg', 'png', 'tif', 'tiff', 'webp', 'bmp', 'jpe', 'jfif'];

/** What a name promises; `undefined` of what is no photo: hidden files, what systems leave beside photos, all else. */
export function kindOf(path: string, imageEndings: readonly string[] = DEFAULT_IMAGE_ENDINGS): PhotoKind | undefined {
  const parts = path.split('/');
  if (parts.some((part) => part.startsWith('.') || part === '__MACOSX')) return undefined;
  const ending = parts
    .at(-1)
    ?.match(/\.([^.]+)$/)?.[1]
    ?.toLowerCase();
  if (!ending) return undefined;
  if (ending === 'zip') return 'zip';
  return imageEndings.includes(ending) ? 'image' : undefined;
}

/** Of an `<input type="file">`, with or without `webkitdirectory`. */
export function ofInput(files: Iterable<File>): ChosenFile[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** Of a drop. Must be called while the event is handled: its items are gone afterwards. */
export async function ofDrop(items: DataTransferItemList): Promise<ChosenFile[]> {
  const files = [...items].filter((item) => item.kind === 'file');
  // what does not come from a disk, such as a picture of another page, is a file without an entry
  const taken = files.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const loose = taken.filter((one) => one instanceof File);
  const entries = taken.filter((one) => one !== null && !(one instanceof File)) as FileSystemEntry[];
  return [...ofInput(loose), ...(await walkAll(entries))];
}

/** Handles of what was dropped, by which a later visit may read the same files again; none where browsers give none. */
export function handlesOfDrop(items: DataTransferItemList): Promise<FileSystemHandle[]> {
  const files = [...items].filter((item) => item.kind === 'file') as (DataTransferItem & GivesHandle)[];
  const asked = files.map((item) => item.getAsFileSystemHandle?.().catch(() => null) ?? null);
  return Promise.all(asked).then((handles) => handles.filter((handle) => handle !== null));
}

/** File System Access, which TypeScript does not know yet. */
interface GivesHandle {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}

/** Of handles that were kept. */
export async function ofHandles(handles: readonly FileSystemHandle[], below = ''): Promise<ChosenFile[]> {
  const chosen: ChosenFile[] = [];
  for (const handle of handles) {
    const path = below + handle.name;
    if (handle instanceof FileSystemFileHandle) {
      chosen.push({ file: await handle.getFile(), path });
    } else if (handle instanceof FileSystemDirectoryHandle) {
      const children: FileSystemHandle[] = [];
      for await (const child of handle.values()) children.push(child);
      chosen.push(...(await ofHandles(children, `${path}/`)));
    }
  }
  return chosen;
}

async function walkAll(entries: readonly FileSystemEntry[]): Promise<ChosenFile[]> {
  const found: ChosenFile[] = [];
  for (const entry of entries) found.push(...(await walk(entry)));
  return found;
}

async function walk(entry: FileSystemEntry): Promise<ChosenFile[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    ).catch(() => undefined);
    return file ? [{ file, path }] : [];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const children: FileSystemEntry[] = [];
  // a reader gives at most a hundred at a time, and none at the end
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return walkAll(children);
    children.push(...some);
  }
}
