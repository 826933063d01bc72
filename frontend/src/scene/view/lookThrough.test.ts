/** Looking through a photo: what the photo shows at a pixel is seen at that pixel of the photo in the window. */

import { Matrix4, PerspectiveCamera, Vector3 } from 'three';
import { expect, it } from 'vitest';
import { openSurface } from '../fixtures/scene';
import { apply, type Similarity, shownFromWorld } from '../frames';
import { norm, sub, type Vec3 } from '../vec';
import { eyeOfLook, lookThrough } from './lookThrough';

const WINDOW = { width: 900, height: 500 };

/** Px of the window at which three would draw a place. */
function seenAt(look: ReturnType<typeof lookThrough>, place: Vec3): [number, number] {
  const camera = new PerspectiveCamera(look.fovDeg, WINDOW.width / WINDOW.height, 0.01, 100);
  camera.position.set(...look.position);
  const [w, x, y, z] = look.rotation;
  camera.quaternion.set(x, y, z, w);
  camera.updateMatrixWorld();
  const seen = new Vector3(...place).applyMatrix4(
    new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse),
  );
  return [((seen.x + 1) / 2) * WINDOW.width, ((1 - seen.y) / 2) * WINDOW.height];
}

it.each(['cameras', '+z'] as const)('lays the photo over its points (up: %s)', async (up) => {
  const { index } = await openSurface();
  const shown: Similarity = { ...shownFromWorld(index, up), scale: 3 };
  for (const image of index.images) {
    const camera = index.cameras[image.camera];
    // the others are distorted, which no view is
    if (camera?.model !== 'SIMPLE_PINHOLE') continue;
    const look = lookThrough(image, camera, shown, WINDOW);
    // what this camera sees straight ahead, and at the corner of its photo
    const [width, height] = camera.image_size;
    for (const [px, py] of [camera.principal_point, [0, 0], [width, height]] as const) {
      const ray: Vec3 = [
        (px - camera.principal_point[0]) / camera.focal[0],
        (py - camera.principal_point[1]) / camera.focal[1],
        1,
      ];
      const [w, x, y, z] = image.rotation;
      const place = new Vector3(...ray).multiplyScalar(5).applyQuaternion({ x, y, z, w } as never);
      const world: Vec3 = [place.x + image.center[0], place.y + image.center[1], place.z + image.center[2]];
      const [sx, sy] = seenAt(look, apply(shown, world));
      expect(sx).toBeCloseTo(look.photo.left + (px / width) * look.photo.width, 4);
      expect(sy).toBeCloseTo(look.photo.top + (py / height) * look.photo.height, 4);
    }
    expect(look.photo.left).toBeGreaterThanOrEqual(-1e-9);
    expect(look.photo.top).toBeGreaterThanOrEqual(-1e-9);
    expect(Math.min(look.photo.left, look.photo.top)).toBeLessThan(1e-6);
  }
});

it('stretches photos whose pixels are not square', async () => {
  const { index } = await openSurface();
  const [image] = index.images;
  if (!image) throw new Error('no image');
  const camera = { id: 1, model: 'PINHOLE', image_size: [600, 400], focal: [500, 1000], principal_point: [300, 200] };
  const look = lookThrough(image, camera as never, shownFromWorld(index, 'cameras'), WINDOW);
  expect(look.photo.width / look.photo.height).toBeCloseTo((600 / 400) * 2);
});

it('leaves a photo at its place, turning around the scene', async () => {
  const { index } = await openSurface();
  const shown = shownFromWorld(index, 'cameras');
  const [image] = index.images;
  const camera = image && index.cameras[image.camera];
  if (!image || !camera) throw new Error('no image');
  const look = lookThrough(image, camera, shown, WINDOW);
  const eye = eyeOfLook(look, shown, index);
  expect(eye.position).toEqual(look.position);
  // these cameras look at the origin of the world
  expect(norm(sub(eye.target, apply(shown, index.core.center)))).toBeLessThan(
    0.3 * norm(sub(eye.position, eye.target)),
  );
});
