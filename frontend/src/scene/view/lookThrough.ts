/** Standing where a photo was taken: pose, opening angle, and where the photo lies in the window. */

import { apply, glRotation, type Similarity } from '../frames';
import type { TilesCamera, TilesImage, TilesIndex } from '../tiles/format';
import { add, dot, multiply, type Quat, rotate, scaled, sub, type Vec3 } from '../vec';
import type { Eye3 } from './viewState';

export interface Look {
  /** In the shown frame. */
  position: Vec3;
  /** Of three's camera: y up, looks along -z. */
  rotation: Quat;
  /** Vertical, of the whole window. */
  fovDeg: number;
  /** Where the photo lies, CSS px from the window's top left; its principal point is in the middle of the window. */
  photo: { left: number; top: number; width: number; height: number };
}

/** The photo as large as it fits; distortion is left out, as in the points themselves. */
export function lookThrough(
  image: TilesImage,
  camera: TilesCamera,
  shown: Similarity,
  window: { width: number; height: number },
): Look {
  const [width, height] = camera.image_size;
  const [fx, fy] = camera.focal;
  const [cx, cy] = camera.principal_point;
  // the window's pixels are square: a photo whose are not is stretched
  const stretch = fy / fx;
  const scale = Math.min(
    window.width / 2 / (Math.max(cx, width - cx) * stretch),
    window.height / 2 / Math.max(cy, height - cy),
  );
  return {
    position: apply(shown, image.center),
    rotation: glRotation(multiply(shown.rotation, image.rotation)),
    fovDeg: (360 / Math.PI) * Math.atan(window.height / 2 / (fy * scale)),
    photo: {
      left: window.width / 2 - cx * scale * stretch,
      top: window.height / 2 - cy * scale,
      width: width * scale * stretch,
      height: height * scale,
    },
  };
}

/** Where one stands after leaving a photo: at its place, turning around what it shows. */
export function eyeOfLook(look: Look, shown: Similarity, index: TilesIndex): Eye3 {
  const forward = rotate(look.rotation, [0, 0, -1]);
  const toMiddle = sub(apply(shown, index.core.center), look.position);
  const distance = Math.max(dot(toMiddle, forward), 0.2 * index.core.extent * shown.scale);
  return { position: look.position, target: add(look.position, scaled(forward, distance)) };
}
