/**
 * J K L. Browsers throw at negative rates, so backwards is a walk of seeks; forwards is the player's rate.
 * L again doubles, J again doubles backwards, K stops.
 */

export type Shuttle = -4 | -2 | -1 | 0 | 0.25 | 1 | 2 | 4;

export type ShuttleKey = 'reverse' | 'pause' | 'forward' | 'slow';

export function shuttle(speed: Shuttle, key: ShuttleKey): Shuttle {
  switch (key) {
    case 'pause':
      return 0;
    case 'slow':
      return 0.25;
    case 'forward':
      return speed === 1 ? 2 : speed === 2 || speed === 4 ? 4 : 1;
    case 'reverse':
      return speed === -1 ? -2 : speed === -2 || speed === -4 ? -4 : -1;
  }
}

/** Milliseconds between two seeks of a walk backwards: a key frame and its followers must decode in it. */
export const WALK_MS = 160;

/** Seconds one seek of the walk goes back. */
export function stride(speed: Shuttle): number {
  return (Math.abs(speed) * WALK_MS) / 1000;
}
