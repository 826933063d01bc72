/** What keys mean. */

import { expect, it } from 'vitest';
import { commandOf, SHORTCUTS } from './shortcuts';

const key = (name: string, held: Partial<Record<'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey', boolean>> = {}) =>
  commandOf({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...held });

it('turns by arrows, moves by arrows with shift', () => {
  expect(key('ArrowLeft')).toMatchObject({ do: 'orbit', up: 0 });
  expect(key('ArrowUp', { shiftKey: true })).toMatchObject({ do: 'pan', right: 0 });
});

it('zooms there and back', () => {
  const [nearer, farther] = [key('+'), key('-')];
  expect(nearer?.do === 'zoom' && farther?.do === 'zoom' ? nearer.factor * farther.factor : 0).toBeCloseTo(1);
});

it('leaves the keys of the browser alone', () => {
  for (const held of ['ctrlKey', 'metaKey', 'altKey'] as const) expect(key('f', { [held]: true })).toBeNull();
  expect([key('Tab'), key('a'), key('5'), key('F5')]).toEqual([null, null, null, null]);
});

it('does what the help says', () => {
  const done = new Set(
    ['ArrowLeft', '+', 'r', '1', '[', 'c', 'p', 'g', 'x', 'm', ',', 'f', 'Escape', '?', 'Enter'].map(
      (name) => key(name)?.do,
    ),
  );
  done.add(key('ArrowLeft', { shiftKey: true })?.do);
  expect([...done].sort()).toEqual(SHORTCUTS.map(({ action }) => action).sort());
});
