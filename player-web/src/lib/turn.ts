/** Geometry of the turn: cameras round an oval, 0° behind the main stand (below), clockwise. */

export interface Point {
  x: number;
  y: number;
}

/** Where a camera stands on an oval with half-axes `rx`, `ry` round the origin; y grows downwards. */
export function place(bearing: number, rx: number, ry: number): Point {
  const a = (bearing * Math.PI) / 180;
  return { x: -rx * Math.sin(a), y: ry * Math.cos(a) };
}

/** Bearing (0 to 360) of a point seen from the middle of that oval. */
export function bearingAt(point: Point, rx: number, ry: number): number {
  const a = (Math.atan2(-point.x / rx, point.y / ry) * 180) / Math.PI;
  return (a + 360) % 360;
}

/** How far apart two bearings are, 0 to 180. */
export function apart(a: number, b: number): number {
  const d = Math.abs((((a - b) % 360) + 360) % 360);
  return d > 180 ? 360 - d : d;
}

/** What has its place in the turn; the mosaic of all angles stands nowhere round the pitch. */
export interface Placed {
  id: string;
  bearing: number | null;
}

/** Cameras in the order of the turn; what stands nowhere comes last. */
export function clockwise<T extends Placed>(cameras: readonly T[]): T[] {
  const norm = (b: number | null) => (b === null ? 360 : ((b % 360) + 360) % 360);
  return [...cameras].sort((a, b) => norm(a.bearing) - norm(b.bearing) || a.id.localeCompare(b.id));
}

/** The camera `by` steps clockwise (or back) from `current`. */
export function neighbour<T extends Placed>(
  cameras: readonly T[],
  current: string | null,
  by: number,
): T | undefined {
  const ring = clockwise(cameras);
  if (ring.length === 0) return undefined;
  const at = ring.findIndex((camera) => camera.id === current);
  return ring[(((at < 0 ? 0 : at + by) % ring.length) + ring.length) % ring.length];
}

/** The camera nearest to a bearing. */
export function nearest<T extends Placed>(cameras: readonly T[], bearing: number): T | undefined {
  const from = (camera: T) => (camera.bearing === null ? Infinity : apart(camera.bearing, bearing));
  return cameras.filter((c) => c.bearing !== null).sort((a, b) => from(a) - from(b))[0];
}

/** SVG path of what a camera sees: a wedge from where it stands towards the middle. */
export function wedge(from: Point, reach = 0.86, half = 17): string {
  const length = Math.hypot(from.x, from.y) || 1;
  const towards = Math.atan2(-from.y, -from.x);
  const edge = (turn: number) => {
    const a = towards + (turn * Math.PI) / 180;
    return `${round(from.x + Math.cos(a) * length * reach)} ${round(from.y + Math.sin(a) * length * reach)}`;
  };
  const r = round(length * reach);
  return `M${round(from.x)} ${round(from.y)}L${edge(-half)}A${r} ${r} 0 0 1 ${edge(half)}Z`;
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
