/** What is seen as a PNG: the scene over the page's ground, with the length that is measured. */

import { type Camera, type Scene, Vector3, type WebGLRenderer } from 'three';
import type { Vec3 } from '../vec';

const FONT_PX = 14;

/** Words at a place of the shown frame. */
export interface Label {
  at: Vec3;
  words: string;
}

interface Seen {
  gl: WebGLRenderer;
  scene: Scene;
  camera: Camera;
  /** CSS colours. */
  ground: string;
  ink: string;
  label: Label | null;
}

export async function capture({ gl, scene, camera, ground, ink, label }: Seen): Promise<Blob> {
  // the drawing is gone once the browser has shown it
  gl.render(scene, camera);
  const { width, height } = gl.domElement;
  const picture = new OffscreenCanvas(width, height);
  const context = picture.getContext('2d');
  if (!context) throw new Error('this browser can make no picture');
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.drawImage(gl.domElement, 0, 0);
  if (label) {
    const place = new Vector3(...label.at).project(camera);
    const [x, y] = [((place.x + 1) / 2) * width, ((1 - place.y) / 2) * height];
    const size = FONT_PX * gl.getPixelRatio();
    context.font = `500 ${size}px sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    const half = context.measureText(label.words).width / 2 + size / 2;
    context.fillRect(x - half, y - 0.8 * size, 2 * half, 1.6 * size);
    context.fillStyle = ink;
    context.fillText(label.words, x, y);
  }
  return picture.convertToBlob({ type: 'image/png' });
}
