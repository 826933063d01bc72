/** Kinds and states of plugins in words and tones. */

import type { PluginState } from '../api/generated';
import type { Tone } from '../ui/Badge';

export const PLUGIN_TONES: Record<PluginState, Tone> = { ready: 'ok', failing: 'warn', unusable: 'bad' };

export const PLUGIN_STATES: Record<PluginState, string> = {
  ready: 'It can be used.',
  failing: 'It crashed when it was last used. Jobs may still name it.',
  unusable: 'It does not load on this server.',
};

export const KIND_WORDS: Record<string, string> = {
  extractor: 'Extractors find keypoints in a photo',
  matcher: 'Matchers find the same points in two photos',
  mapper: 'Mappers place cameras and points in space',
};
