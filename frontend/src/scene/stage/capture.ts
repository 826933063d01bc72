/** What is seen as a PNG: the scene over the page's ground. */

import type { Camera, Scene, WebGLRenderer } from 'three';

export async function capture(gl: WebGLRenderer, scene: Scene, camera: Camera, ground: string): Promise<Blob> {
  // the drawing is gone once the browser has shown it
  gl.render(scene, camera);
  const { width, height } = gl.domElement;
  const picture = new OffscreenCanvas(width, height);
  const context = picture.getContext('2d');
  if (!context) throw new Error('this browser can make no picture');
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.drawImage(gl.domElement, 0, 0);
  return picture.convertToBlob({ type: 'image/png' });
}
