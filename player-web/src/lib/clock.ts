/**
 * From a player's timeline to wall clock, exact to the frame.
 *
 * Every segment of a playlist pairs a position on the player's timeline (`start`, seconds) with a
 * PROGRAM-DATE-TIME. `Clock` remembers those pairs, also after they have left a live playlist, and counts
 * whole frames from the nearest one before: a float's error, or a segment that starts a few microseconds
 * off in the player, can never become a frame.
 */
import { framesToMicros, frameSeconds, microsToSeconds, parseMicros, type Micros, type Rate } from './time';

interface Anchor {
  start: number;
  utc: Micros;
}

/** What `learn` needs of an hls.js fragment. */
export interface Dated {
  start: number;
  rawProgramDateTime: string | null;
}

/** Anchors kept: an hour of one-second segments. */
const KEPT = 3600;

export class Clock {
  private anchors: Anchor[] = [];
  private readonly known = new Map<string, Anchor>();

  constructor(readonly rate: Rate) {}

  /** Notes the segments of a playlist; one whose start was corrected by the player replaces what was known. */
  learn(fragments: readonly Dated[]): void {
    let added = false;
    for (const { start, rawProgramDateTime: raw } of fragments) {
      if (raw === null || !Number.isFinite(start)) continue;
      const known = this.known.get(raw);
      if (known) {
        known.start = start;
        continue;
      }
      const anchor = { start, utc: parseMicros(raw) };
      this.known.set(raw, anchor);
      this.anchors.push(anchor);
      added = true;
    }
    if (!added) return;
    this.anchors.sort((a, b) => (a.utc < b.utc ? -1 : 1));
    if (this.anchors.length > KEPT) {
      const kept = new Set((this.anchors = this.anchors.slice(-KEPT)));
      for (const [raw, anchor] of this.known) if (!kept.has(anchor)) this.known.delete(raw);
    }
  }

  /** Another timeline begins: what was known of the one before says nothing about it. */
  forget(): void {
    this.anchors = [];
    this.known.clear();
  }

  /** Wall clock of the frame whose presentation time is `mediaTime`, or null before any playlist. */
  frame(mediaTime: number): Micros | null {
    const anchor = this.before(mediaTime + frameSeconds(this.rate) / 2);
    if (!anchor) return null;
    const frames = Math.round(((mediaTime - anchor.start) * this.rate.num) / this.rate.den);
    return anchor.utc + framesToMicros(frames, this.rate);
  }

  /**
   * Presentation time of the frame that stands at a position; the position itself before any playlist. A
   * frame's own time may be a float's error before the frame.
   */
  presentation(position: number): number {
    const quarter = frameSeconds(this.rate) / 4;
    const anchor = this.before(position + quarter);
    if (!anchor) return position;
    const frames = Math.floor(((position + quarter - anchor.start) * this.rate.num) / this.rate.den);
    return anchor.start + frames * frameSeconds(this.rate);
  }

  /** Wall clock of a position between frames, in seconds with a float's error: for meters and rulers. */
  seconds(position: number): number | null {
    const anchor = this.before(position);
    return anchor ? microsToSeconds(anchor.utc) + (position - anchor.start) : null;
  }

  /** Position on the player's timeline of a wall-clock time, or null before any playlist. */
  position(utc: Micros): number | null {
    let found = this.anchors[0];
    for (const anchor of this.anchors) {
      if (anchor.utc > utc) break;
      found = anchor;
    }
    return found ? found.start + microsToSeconds(utc - found.utc) : null;
  }

  private before(position: number): Anchor | undefined {
    for (let i = this.anchors.length - 1; i >= 0; i--) {
      const anchor = this.anchors[i];
      if (anchor && anchor.start <= position) return anchor;
    }
    return this.anchors[0];
  }
}
