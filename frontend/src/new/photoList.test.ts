/** Chosen photos: none twice, duplicates by content, what the server would refuse. */

import { describe, expect, test } from 'vitest';
import type { UploadLimits } from '../api/generated';
import type { ChosenFile } from './collect';
import type { Inspector } from './inspect';
import type { PhotoFacts } from './photo';
import { PhotoList, problemOfAll, wanted } from './photoList';

const LIMITS: UploadLimits = {
  max_bytes: 1000,
  max_files: 3,
  max_image_bytes: 100,
  max_megapixels: 256,
  max_user_bytes: 250,
  max_user_images: 1000,
  expire_secs: 3600,
  image_endings: ['jpg', 'png'],
};

function file(path: string, size = 10): ChosenFile {
  return { file: new File(['x'.repeat(size)], path.split('/').at(-1) ?? '', { lastModified: 1 }), path };
}

/** Tells what it is told to, when it is told to. */
class ByHand implements Inspector {
  readonly asked = new Map<string, (facts: PhotoFacts) => void>();
  look(id: string, _: File, told: (facts: PhotoFacts) => void) {
    this.asked.set(id, told);
  }
  forget(id: string) {
    this.asked.delete(id);
  }
}

function listOf(paths: string[]) {
  const inspector = new ByHand();
  const list = new PhotoList(inspector, 0);
  list.add(
    paths.map((path) => file(path)),
    LIMITS,
  );
  const learn = (path: string, facts: PhotoFacts) => {
    const photo = list.all().find((one) => one.path === path);
    inspector.asked.get(photo?.id ?? '')?.(facts);
  };
  const duplicates = () => Object.fromEntries(list.all().map((photo) => [photo.path, photo.duplicateOf]));
  return { list, learn, duplicates };
}

describe('chosen photos', () => {
  test('are taken once, by path, and nothing else is', () => {
    const { list } = listOf([]);
    const chosen = [file('b.jpg'), file('a/c.JPG'), file('notes.txt'), file('.DS_Store'), file('__MACOSX/b.jpg')];
    expect(list.add(chosen, LIMITS)).toEqual({ numAdded: 2, numKnown: 0, numIgnored: 3 });
    expect(list.add([file('b.jpg'), file('all.zip')], LIMITS)).toEqual({ numAdded: 1, numKnown: 1, numIgnored: 0 });
    expect(list.all().map((photo) => [photo.path, photo.kind])).toEqual([
      ['a/c.JPG', 'image'],
      ['b.jpg', 'image'],
      ['all.zip', 'zip'],
    ]);
  });

  test('with the same bytes are duplicates of the first, which may go', () => {
    const { list, learn, duplicates } = listOf(['a.jpg', 'b.jpg', 'c.jpg']);
    learn('c.jpg', { sha256: 'same' });
    learn('a.jpg', { sha256: 'same' });
    learn('b.jpg', { sha256: 'other' });
    expect(duplicates()).toEqual({ 'a.jpg': undefined, 'b.jpg': undefined, 'c.jpg': 'a.jpg' });
    list.remove(list.all()[0]?.id ?? '');
    expect(duplicates()).toEqual({ 'b.jpg': undefined, 'c.jpg': undefined });
  });

  test('that are on their way are no duplicates of those that wait', () => {
    const { list, learn, duplicates } = listOf(['a.jpg', 'b.jpg']);
    list.move(new Set([list.all()[1]?.id ?? '']), { state: 'sending', sentBytes: 3 });
    learn('a.jpg', { sha256: 'same' });
    learn('b.jpg', { sha256: 'same' });
    expect(duplicates()).toEqual({ 'a.jpg': 'b.jpg', 'b.jpg': undefined });
  });

  test('that the server would refuse stay here', () => {
    const { list } = listOf([]);
    list.add([file('big.jpg', 101), file('none.jpg', 0), file('fits.jpg', 100), file('all.zip', 1000)], LIMITS);
    const problems = Object.fromEntries(list.all().map((photo) => [photo.path, photo.problem]));
    expect(problems).toEqual({
      'big.jpg': '101\u00a0B, the server takes at most 100\u00a0B',
      'none.jpg': 'the file is empty',
      'fits.jpg': undefined,
      'all.zip': undefined,
    });
    expect(wanted(list.all())).toHaveLength(2);
  });

  test('must be two at least, and not too many or too large together', () => {
    const problem = (paths: string[], size = 10) => {
      const list = new PhotoList(new ByHand(), 0);
      list.add(
        paths.map((path) => file(path, size)),
        LIMITS,
      );
      return problemOfAll(list.all(), LIMITS);
    };
    expect(problem(['a.jpg'])).toBe('a reconstruction needs at least two photos');
    expect(problem(['a.jpg', 'b.jpg'])).toBeUndefined();
    expect(problem(['a.zip'])).toBeUndefined();
    expect(problem(['1.jpg', '2.jpg', '3.jpg', '4.jpg'])).toMatch(/4 photos, a reconstruction may have at most 3/);
    expect(problem(['1.jpg', '2.jpg', '3.jpg'], 100)).toBe('300\u00a0B, you may keep at most 250\u00a0B');
  });
});
