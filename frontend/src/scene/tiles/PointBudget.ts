/** How many points a frame may have: found by how long frames take, so that slow machines stay usable. */

/** What a frame may take while the view moves. */
const SLOW_MS = 55;
const FAST_MS = 24;
const MIN_POINTS = 60_000;
/** When nothing moves a frame may take longer. */
const STILL_FACTOR = 6;
/** A pause in between says nothing about speed. */
const LONGEST_FRAME_MS = 3_000;

export class PointBudget {
  private moving: number;
  private slow = 0;
  private fast = 0;

  constructor(
    private readonly max: number,
    first: number,
  ) {
    this.moving = Math.min(max, first);
  }

  /** Points of a frame while the view moves, or while it rests. */
  points(isMoving: boolean): number {
    return isMoving ? this.moving : Math.min(this.max, this.moving * STILL_FACTOR);
  }

  /** Tells how long it took until the next frame could begin; `isFull` if the budget was used up. */
  observe(frameMs: number, isFull: boolean) {
    if (frameMs > LONGEST_FRAME_MS) return;
    this.slow = frameMs > SLOW_MS ? this.slow + 1 : 0;
    this.fast = frameMs < FAST_MS && isFull ? this.fast + 1 : 0;
    // one slow frame may be somebody else's fault
    if (this.slow >= 2) {
      this.moving = Math.max(MIN_POINTS, this.moving * Math.max(0.4, Math.min(0.85, SLOW_MS / frameMs)));
      this.slow = 0;
    } else if (this.fast >= 8) {
      this.moving = Math.min(this.max, this.moving * 1.3);
      this.fast = 0;
    }
  }
}
