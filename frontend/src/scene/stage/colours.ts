/** The page's colours as numbers, for what is drawn without CSS. */

import type { StageColours } from './Stage';

const TOKENS: Record<keyof StageColours, string> = {
  ground: '--sunken',
  ink: '--ink',
  grid: '--line-strong',
  line: '--muted',
  accent: '--accent',
  mark: '--warn',
};

/** As they are now, at an element. */
export function stageColours(element: HTMLElement): StageColours {
  const resolve = (token: string) => {
    const probe = document.createElement('span');
    probe.style.color = `var(${token})`;
    element.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return rgbOf(colour);
  };
  const { ground, ink, grid, line, accent, mark } = TOKENS;
  return {
    ground: resolve(ground),
    ink: resolve(ink),
    grid: resolve(grid),
    line: resolve(line),
    accent: resolve(accent),
    mark: resolve(mark),
  };
}

/** Any CSS colour as `rgb(r, g, b)`: three reads no others. */
function rgbOf(colour: string): string {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1, 1];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return 'rgb(128, 128, 128)';
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return `rgb(${r}, ${g}, ${b})`;
}
