/** What follows from a scene, a view and a window: frames, eye, colours, the photo that is looked through. */

import { useMemo } from 'react';
import { type Colouring, colouringOf } from './cloud/colouring';
import { homeEye, type Similarity, shownFromWorld } from './frames';
import type { CloudStatus } from './stage/PointCloud';
import { FREE_FOV_DEG } from './stage/Rig';
import type { TilesIndex } from './tiles/format';
import type { Size } from './useSize';
import { type Look, lookThrough } from './view/lookThrough';
import { formatLength, lengthOf } from './view/measure';
import type { Eye3, ViewState } from './view/viewState';

export interface Shown {
  shownFromWorld: Similarity;
  /** Where the whole scene is seen from. */
  home: Eye3;
  eye: Eye3;
  /** Place of the image that is looked through; -1 if there is none. */
  place: number;
  look: Look | null;
  colouring: Colouring;
  /** What is measured, shown units. */
  measuredUnits: number | null;
  /** The same in words. */
  measuredLength: string | null;
}

export function useShown(
  index: TilesIndex,
  view: ViewState,
  given: Similarity | undefined,
  size: Size | null,
  heights: CloudStatus['heights'],
): Shown {
  const shown = useMemo(() => given ?? shownFromWorld(index, view.up), [given, index, view.up]);
  const home = useMemo(
    () => homeEye(index, shown, FREE_FOV_DEG, size ? size.width / size.height : 1),
    [index, shown, size],
  );
  const place = view.through === null ? -1 : index.images.findIndex(({ name }) => name === view.through);
  const look = useMemo(() => {
    const image = index.images[place];
    const camera = image && index.cameras[image.camera];
    return image && camera && size ? lookThrough(image, camera, shown, size) : null;
  }, [index, place, shown, size]);
  const colouring = useMemo(
    () => colouringOf(view.colour, index, heights, view.metresPerUnit),
    [view.colour, index, heights, view.metresPerUnit],
  );
  const measuredUnits = lengthOf(view.measured, shown);
  const measuredLength = measuredUnits === null ? null : formatLength(measuredUnits, view.metresPerUnit);
  return { shownFromWorld: shown, home, eye: view.eye ?? home, place, look, colouring, measuredUnits, measuredLength };
}
