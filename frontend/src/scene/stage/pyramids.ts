/** The frustums of all cameras as corners in the shown frame. */

import { apply, type Similarity } from '../frames';
import type { Pyramid } from '../pick/pickCamera';
import type { TilesIndex } from '../tiles/format';
import { add, rotate, type Vec3 } from '../vec';

/** In the order of the images; corners from the top left clockwise. */
export function pyramidsOf(index: TilesIndex, shown: Similarity): Pyramid[] {
  const depth = index.frustum_depth;
  return index.images.flatMap((image): Pyramid[] => {
    const camera = index.cameras[image.camera];
    if (!camera) return [];
    const [width, height] = camera.image_size;
    const [fx, fy] = camera.focal;
    const [cx, cy] = camera.principal_point;
    const at = (x: number, y: number): Vec3 => {
      const inCamera: Vec3 = [(depth * (x - cx)) / fx, (depth * (y - cy)) / fy, depth];
      return apply(shown, add(rotate(image.rotation, inCamera), image.center));
    };
    return [[apply(shown, image.center), at(0, 0), at(width, 0), at(width, height), at(0, height)]];
  });
}

/** Ends of the edges, `[n, 2, 3]`: from the centre to the corners, then around the picture. */
export function edgesOf([apex, ...corners]: Pyramid): Vec3[] {
  return corners.flatMap((corner, i) => [apex, corner, corner, corners[(i + 1) % 4] ?? corner]);
}
