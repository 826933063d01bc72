/** The scene and what happens in it, in words, for those who do not see it. */

import { count, counted, figure } from '../ui/format';
import type { TilesIndex } from './tiles/format';
import { formatLength } from './view/measure';
import type { ViewState } from './view/viewState';

/** `scale`: of the shown frame against the world. */
export function describe(index: TilesIndex, view: ViewState, scale = 1): string {
  const { num_points, images, error_px, track_length, core } = index;
  const size = formatLength(core.extent * scale, view.metresPerUnit);
  return (
    `3D scene of ${counted(num_points, 'point')} from ${counted(images.length, 'photo')}, about ${size} across. ` +
    `Half of the points have a reprojection error of at most ${figure(error_px.median)} px ` +
    `and are seen in at least ${count(track_length.median)} photos.`
  );
}

export function describePosition(view: ViewState, index: TilesIndex): string {
  if (view.through === null) return '';
  const place = index.images.findIndex(({ name }) => name === view.through);
  const image = index.images[place];
  if (!image) return '';
  return `Looking through ${image.name}, camera ${place + 1} of ${images(index)}, which sees ${counted(image.num_points, 'point')}.`;
}

function images(index: TilesIndex): string {
  return count(index.images.length);
}
