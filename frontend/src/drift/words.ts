/** Features of drift in words: what they are called, their unit, what it may mean that one moved (docs/drift.md). */

import type { DriftFeature } from '../api/generated';

interface Words {
  name: string;
  unit: string;
  /** What to look at. */
  hint: string;
}

export const FEATURE_WORDS: Record<DriftFeature, Words> = {
  brightness: { name: 'Brightness', unit: 'of 255', hint: 'exposure, time of day, or another tone curve' },
  contrast: { name: 'Contrast', unit: 'of 127.5', hint: 'exposure, haze, or another tone curve' },
  sharpness: { name: 'Sharpness', unit: '', hint: 'blur, or a messenger’s or an editor’s compression' },
  entropy: { name: 'Entropy', unit: 'bits', hint: 'exposure, or scenes with less in them' },
  colourfulness: { name: 'Colourfulness', unit: '', hint: 'white balance, filters, or other scenes' },
  saturation: { name: 'Saturation', unit: 'of 1', hint: 'white balance, filters, or other scenes' },
  noise: { name: 'Noise', unit: 'of 255', hint: 'a higher sensitivity, or another sensor' },
  width: { name: 'Width', unit: 'px', hint: 'another camera, or photos that were reduced' },
  height: { name: 'Height', unit: 'px', hint: 'another camera, or photos that were reduced' },
  aspect: { name: 'Aspect ratio', unit: '', hint: 'another camera, or photos that were cropped' },
  focal: { name: 'Focal length', unit: 'of the long side', hint: 'another lens or zoom' },
  keypoint_count: { name: 'Keypoints', unit: 'a photo', hint: 'blur, or scenes with less texture' },
  keypoint_score: { name: 'Keypoint score', unit: '', hint: 'blur, or scenes with less texture' },
};
