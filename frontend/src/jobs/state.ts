/** States of jobs in words and tones. */

import type { JobState } from '../api/generated';
import type { Tone } from '../ui/Badge';

export const STATE_TONES: Record<JobState, Tone> = {
  queued: 'neutral',
  checking: 'accent',
  running: 'accent',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'neutral',
};

/** Whether nothing more will happen to it. */
export function hasEnded(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
