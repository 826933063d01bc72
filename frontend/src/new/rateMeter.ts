/** How fast something goes: by what came within the last seconds, so that pauses and bursts are forgotten soon. */

const WINDOW_MS = 8_000;

interface Sample {
  at: number;
  total: number;
}

export class RateMeter {
  private samples: Sample[] = [];

  /** Notes how much there is in all at a time, milliseconds. */
  note(total: number, at: number) {
    this.samples.push({ at, total });
    const begin = at - WINDOW_MS;
    // one sample before the window is where it is measured from
    while ((this.samples[1]?.at ?? at) < begin) this.samples.shift();
  }

  /** Per second; `undefined` until it can be told. */
  perSec(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.at - first.at < 500) return undefined;
    return (1000 * Math.max(0, last.total - first.total)) / (last.at - first.at);
  }

  /** Measures anew, after a pause. */
  forget() {
    this.samples = [];
  }
}
