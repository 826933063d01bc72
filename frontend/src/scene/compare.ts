/** Two reconstructions of the same photos side by side: one frame for both, one view for both. */

import { type Alignment, align, type Pose } from './align';
import { compose, type Similarity, shownFromWorld, type Up } from './frames';
import type { TilesIndex } from './tiles/format';

export interface Pair {
  alignment: Alignment;
  /** `shown_from_world` of each, for the viewers. */
  a: Similarity;
  b: Similarity;
}

/** `null` where the two have no two images in common. */
export function alignScenes(a: TilesIndex, b: TilesIndex, up: Up): Pair | null {
  const alignment = align(posesOf(a), posesOf(b));
  if (!alignment) return null;
  const shown = shownFromWorld(a, up);
  return { alignment, a: shown, b: compose(shown, alignment.a_from_b) };
}

function posesOf({ images }: TilesIndex): Pose[] {
  return images.map(({ name, rotation, center }) => ({ name, rotation, center }));
}
