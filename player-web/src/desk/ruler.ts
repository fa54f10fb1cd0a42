/** Arithmetic of the time ruler: its right end is the newest media. */

/** Percent across a ruler that shows `span` seconds up to `edge`. */
export function across(seconds: number, edge: number, span: number): number {
  return ((seconds - (edge - span)) / span) * 100;
}

/** Round seconds to label, at most `most` of them. */
export function ticks(edge: number, span: number, most = 8): number[] {
  const step = [1, 2, 5, 10, 15, 30, 60].find((s) => span / s <= most) ?? 60;
  const first = Math.ceil((edge - span) / step) * step;
  const count = Math.max(0, Math.floor((edge - first) / step) + 1);
  return Array.from({ length: count }, (_, i) => first + i * step);
}
