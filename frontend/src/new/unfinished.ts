/**
 * An upload that a reload or a closed window interrupted: that there was one, and, where the browser gives them, handles by
 * which its files may be read again once the user says so.
 */

import { z } from 'zod';

const STORED = 'scene3d.unfinished';
const DATABASE = 'scene3d';
const STORE = 'handles';

const unfinished = z.object({ user: z.string(), numPhotos: z.number(), bytes: z.number() });

export type Unfinished = z.infer<typeof unfinished>;

/** Of this user; of another one nothing is told. */
export function unfinishedOf(user: string): Unfinished | undefined {
  try {
    const found = unfinished.parse(JSON.parse(localStorage.getItem(STORED) ?? ''));
    return found.user === user ? found : undefined;
  } catch {
    return undefined;
  }
}

export function rememberUnfinished(upload: Unfinished) {
  localStorage.setItem(STORED, JSON.stringify(upload));
}

export function forgetUnfinished() {
  localStorage.removeItem(STORED);
  withHandles('readwrite', (store) => store.clear()).catch(() => undefined);
}

/** Keeps handles of files and folders, beside or instead of those that are kept. */
export async function keepHandles(handles: readonly FileSystemHandle[], insteadOfOthers: boolean): Promise<void> {
  if (insteadOfOthers) await withHandles('readwrite', (store) => store.clear());
  for (const handle of handles) await withHandles('readwrite', (store) => store.add(handle));
}

export function keptHandles(): Promise<FileSystemHandle[]> {
  return withHandles<FileSystemHandle[]>('readonly', (store) => store.getAll()).catch(() => []);
}

/** Asks the user; must be called on a click. */
export async function mayRead(handles: readonly FileSystemHandle[]): Promise<boolean> {
  for (const handle of handles as readonly AsksPermission[]) {
    if ((await handle.requestPermission?.({ mode: 'read' })) !== 'granted') return false;
  }
  return true;
}

/** File System Access, which TypeScript does not know yet. */
interface AsksPermission extends FileSystemHandle {
  requestPermission?: (asked: { mode: 'read' }) => Promise<PermissionState>;
}

function withHandles<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { autoIncrement: true });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(STORE, mode);
      const request = use(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        opening.result.close();
        resolve(request.result as T);
      };
      transaction.onerror = () => reject(transaction.error);
    };
  });
}
