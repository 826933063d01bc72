/** Features of drift in words: what they are called, their unit, what it may mean that one moved (docs/drift.md). */

import type { DriftFeature } from '../api/generated';

interface Words {
  name: string;
  unit: string;
  /** What to look at where it is higher, and where it is lower than usual. */
  higher: string;
  lower: string;
}

const SAME = (hint: string) => ({ higher: hint, lower: hint });

const EXPOSURE = SAME('exposure, time of day, or another tone curve');
const COLOUR = SAME('white balance, filters, or other scenes');
const CAMERA = SAME('another camera, or photos that were reduced');

export const FEATURE_WORDS: Record<DriftFeature, Words> = {
  brightness: { name: 'Brightness', unit: 'of 255', ...EXPOSURE },
  contrast: { name: 'Contrast', unit: 'of 127.5', ...EXPOSURE },
  sharpness: {
    name: 'Sharpness',
    unit: '',
    higher: 'a better lens, sharpening by an editor, or noise',
    lower: 'blur, or a messenger’s or an editor’s compression',
  },
  entropy: { name: 'Entropy', unit: 'bits', ...EXPOSURE },
  colourfulness: { name: 'Colourfulness', unit: '', ...COLOUR },
  saturation: { name: 'Saturation', unit: 'of 1', ...COLOUR },
  noise: {
    name: 'Noise',
    unit: 'of 255',
    higher: 'a higher sensitivity, or another sensor',
    lower: 'blur, or a messenger’s or an editor’s compression',
  },
  width: { name: 'Width', unit: 'px', ...CAMERA },
  height: { name: 'Height', unit: 'px', ...CAMERA },
  aspect: { name: 'Aspect ratio', unit: '', ...SAME('another camera, or photos that were cropped') },
  focal: { name: 'Focal length', unit: 'of the long side', ...SAME('another lens or zoom') },
  keypoint_count: {
    name: 'Keypoints',
    unit: 'a photo',
    higher: 'scenes with more texture, or noise',
    lower: 'blur, or scenes with less texture',
  },
  keypoint_score: {
    name: 'Keypoint score',
    unit: '',
    higher: 'scenes with more texture',
    lower: 'blur, or scenes with less texture',
  },
};
