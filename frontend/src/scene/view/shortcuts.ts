/** What the keys do: told in the help, done by the viewer. */

export const SHORTCUTS = [
  { action: 'orbit', keys: ['←', '→', '↑', '↓'], does: 'Turn around the target' },
  { action: 'pan', keys: ['Shift + ←', '…'], does: 'Move sideways' },
  { action: 'zoom', keys: ['+', '−'], does: 'Nearer, farther' },
  { action: 'press', keys: ['Enter'], does: 'Choose the camera or point in the middle' },
  { action: 'home', keys: ['R'], does: 'The whole scene again' },
  { action: 'colour', keys: ['1', '2', '3', '4'], does: 'Colour by photo, height, error, track length' },
  { action: 'size', keys: ['[', ']'], does: 'Smaller, larger points' },
  { action: 'cameras', keys: ['C'], does: 'Cameras' },
  { action: 'photos', keys: ['P'], does: 'Photos on the cameras' },
  { action: 'grid', keys: ['G'], does: 'Grid' },
  { action: 'section', keys: ['X'], does: 'Section' },
  { action: 'measure', keys: ['M'], does: 'Measure' },
  { action: 'step', keys: [',', '.'], does: 'Previous, next camera' },
  { action: 'full', keys: ['F'], does: 'Full screen' },
  { action: 'leave', keys: ['Esc'], does: 'Leave the camera, stop measuring, close the point' },
  { action: 'help', keys: ['?'], does: 'These keys' },
] as const;

export type Command =
  | { do: 'orbit' | 'pan'; right: number; up: number }
  | { do: 'zoom'; factor: number }
  | { do: 'colour'; place: number }
  | { do: 'size'; by: number }
  | { do: 'step'; by: 1 | -1 }
  | { do: 'press' | 'home' | 'cameras' | 'photos' | 'grid' | 'section' | 'measure' | 'full' | 'leave' | 'help' };

const ORBIT_RAD = Math.PI / 24;
const PAN_SHARE = 0.06;
const ZOOM = 1.15;
const SIZE_STEP = 0.5;

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

const LETTERS: Record<
  string,
  Command['do'] & ('home' | 'cameras' | 'photos' | 'grid' | 'section' | 'measure' | 'full')
> = {
  r: 'home',
  c: 'cameras',
  p: 'photos',
  g: 'grid',
  x: 'section',
  m: 'measure',
  f: 'full',
};

interface Key {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** What a key means here; nothing for those of the browser. */
export function commandOf({ key, shiftKey, ctrlKey, metaKey, altKey }: Key): Command | null {
  if (ctrlKey || metaKey || altKey) return null;
  const arrow = ARROWS[key];
  if (arrow) {
    const [right, up] = arrow;
    const [what, step] = shiftKey ? (['pan', PAN_SHARE] as const) : (['orbit', ORBIT_RAD] as const);
    return { do: what, right: right * step, up: up * step };
  }
  if (key === '+' || key === '=') return { do: 'zoom', factor: 1 / ZOOM };
  if (key === '-' || key === '_') return { do: 'zoom', factor: ZOOM };
  if (key >= '1' && key <= '4' && key.length === 1) return { do: 'colour', place: Number(key) - 1 };
  if (key === '[' || key === ']') return { do: 'size', by: key === '[' ? -SIZE_STEP : SIZE_STEP };
  if (key === ',' || key === '.') return { do: 'step', by: key === ',' ? -1 : 1 };
  if (key === 'Escape') return { do: 'leave' };
  if (key === '?') return { do: 'help' };
  if (key === 'Enter') return { do: 'press' };
  const letter = shiftKey ? undefined : LETTERS[key.toLowerCase()];
  return letter ? { do: letter } : null;
}
