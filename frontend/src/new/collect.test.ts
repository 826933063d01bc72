/** Folders that are dropped, walked through to the last file. */

import { expect, test } from 'vitest';
import { kindOf, ofDrop } from './collect';

type Tree = { [name: string]: Tree | null };

/** What a browser gives of a folder: at most a hundred entries at a time. */
function entry(path: string, below: Tree | null): FileSystemEntry {
  const name = path.split('/').at(-1) ?? '';
  if (below === null) {
    const file = (resolve: (file: File) => void) => resolve(new File(['x'], name));
    return { isFile: true, isDirectory: false, fullPath: path, name, file } as unknown as FileSystemEntry;
  }
  const children = Object.entries(below).map(([child, tree]) => entry(`${path}/${child}`, tree));
  const createReader = () => ({
    readEntries: (resolve: (entries: FileSystemEntry[]) => void) => resolve(children.splice(0, 100)),
  });
  return { isFile: false, isDirectory: true, fullPath: path, name, createReader } as unknown as FileSystemEntry;
}

test('a dropped folder gives all its files with their paths', async () => {
  const many = Object.fromEntries([...Array(250).keys()].map((index) => [`${index}.jpg`, null]));
  const tree = entry('/photos', { many, deep: { er: { 'a.png': null } } });
  const items = [
    { kind: 'file', webkitGetAsEntry: () => tree },
    { kind: 'string', webkitGetAsEntry: () => null },
  ];
  const chosen = await ofDrop(items as unknown as DataTransferItemList);
  expect(chosen).toHaveLength(251);
  expect(chosen.map(({ path }) => path)).toContain('photos/deep/er/a.png');
  expect(chosen.map(({ path }) => path)).toContain('photos/many/249.jpg');
});

test('a picture of another page has no place on a disk and is taken all the same', async () => {
  const picture = { kind: 'file', webkitGetAsEntry: () => null, getAsFile: () => new File(['x'], 'picture.png') };
  const chosen = await ofDrop([picture] as unknown as DataTransferItemList);
  expect(chosen.map(({ path }) => path)).toEqual(['picture.png']);
});

test('names promise what their files are', () => {
  const kinds = ['a.JPEG', 'b/c.tiff', 'x.zip', 'readme', 'a.tar', '.hidden.jpg', 'b/.c/d.jpg', 'a.'].map((path) =>
    kindOf(path),
  );
  expect(kinds).toEqual(['image', 'image', 'zip', undefined, undefined, undefined, undefined, undefined]);
});
