/** The match as a line: where each moment stands on it. Pure. */
import type { Highlight } from '../lib/api';
import { microsToSeconds, parseMicros } from '../lib/time';

/** Shorter, a match that has just begun would crowd its first moments at the right edge. */
const LEAST_SECONDS = 15 * 60;
const STEPS_SECONDS = [5, 15, 30, 60, 180].map((minutes) => minutes * 60);

export interface Point {
  id: string;
  /** Per cent of the line. */
  at: number;
  goal: boolean;
}

export interface Line {
  points: Point[];
  /** Wall clock in seconds, each with its place. */
  ticks: { seconds: number; at: number }[];
}

/** The line from the oldest moment to now, in seconds of wall clock; at most `most` ticks. */
export function timeline(highlights: readonly Highlight[], now: number, most: number): Line {
  const begins = highlights.map((h) => microsToSeconds(parseMicros(h.in)));
  const end = Math.max(now, ...begins);
  const start = Math.min(end - LEAST_SECONDS, ...begins);
  const place = (seconds: number) => ((seconds - start) / (end - start)) * 100;
  const step = STEPS_SECONDS.find((s) => (end - start) / s <= most) ?? Infinity;
  const first = Math.ceil(start / step);
  const count = Number.isFinite(step) ? Math.floor(end / step) - first + 1 : 0;
  const ticks = Array.from({ length: count }, (_, i) => (first + i) * step);
  return {
    points: highlights.map((h, i) => ({ id: h.id, at: place(begins[i] ?? end), goal: h.kind === 'goal' })),
    ticks: ticks.map((seconds) => ({ seconds, at: place(seconds) })),
  };
}

/** The moment nearest to a place on the line. */
export function nearestPoint(points: readonly Point[], at: number): Point | null {
  return points.reduce<Point | null>(
    (best, p) => (best === null || Math.abs(p.at - at) < Math.abs(best.at - at) ? p : best),
    null,
  );
}
