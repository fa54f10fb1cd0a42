/**
 * Keeps several live players on one instant.
 *
 * hls.js speeds up only while more than a second is buffered, so at a latency of two parts it never does,
 * and each player stays wherever its start left it. Here all players of a page share one line, the newest
 * live edge any of them has heard of, and each is steered to the same distance behind it.
 */

/** At most this far back, seconds. */
const MAX_EXTRA = 1;
/** Seconds without a stall before players come closer again, and seconds they then gain in a second. */
const CALM = 10;
const EASE = 0.02;

/** The newest live edge known to the page: wall-clock seconds against the page's monotonic clock. */
export class LiveLine {
  private offset: number | null = null;
  private seenAt = 0;
  private extra = 0;
  private stalledAt = -Infinity;

  /** @param distance how far behind the edge players aim, seconds */
  constructor(private readonly distance: number) {}

  /** A playlist was loaded whose newest media ends at `edge` (wall-clock seconds); `now` in seconds. */
  heard(edge: number, now: number): void {
    const offset = edge - now;
    // The largest offset is the answer that came fastest. It is forgotten slowly, as clocks drift.
    const decayed = this.offset === null ? -Infinity : this.offset - (now - this.seenAt) * 0.002;
    if (offset > decayed) {
      this.offset = offset;
      this.seenAt = now;
    }
  }

  /** Where players should be now, wall-clock seconds; null before the first playlist. */
  target(now: number): number | null {
    return this.offset === null ? null : this.offset + now - this.distance - this.back(now);
  }

  /** A player ran dry: everybody steps back a little, so that they stay together. */
  stalled(by: number, now: number): void {
    this.extra = Math.min(MAX_EXTRA, this.back(now) + by);
    this.stalledAt = now;
  }

  /** How far players have stepped back: held for a while, then given up slowly. */
  private back(now: number): number {
    return Math.max(0, this.extra - Math.max(0, now - this.stalledAt - CALM) * EASE);
  }
}

export type Steer = { seek: number } | { rate: number };

/**
 * What a player that is `late` seconds behind its target does. Small errors are left alone, larger ones are
 * caught up by rate, beyond a second by a seek. `audible` players change rate gently (hls.js #5220).
 */
export function steer(late: number, audible: boolean): Steer {
  if (Math.abs(late) > 1) return { seek: late };
  const dead = audible ? 0.08 : 0.02;
  if (Math.abs(late) < dead) return { rate: 1 };
  const [slowest, fastest] = audible ? [0.95, 1.08] : [0.75, 1.5];
  const rate = Math.min(fastest, Math.max(slowest, 1 + late * (audible ? 0.4 : 0.9)));
  return { rate: Math.round(rate * 100) / 100 };
}
