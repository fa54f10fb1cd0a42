import { describe, expect, test } from 'vitest';
import { Clock } from '../src/lib/clock';
import { formatMicros, framesToMicros, parseMicros, type Rate } from '../src/lib/time';

const origin = parseMicros('2026-11-22T19:00:00.123456Z');

/** A playlist whose first segment is `first` and stands at `at` on the player's timeline. */
function playlist(rate: Rate, frames: number, first: number, count: number, at: number) {
  return Array.from({ length: count }, (_, i) => ({
    start: at + (i * frames * rate.den) / rate.num,
    rawProgramDateTime: formatMicros(origin + framesToMicros((first + i) * frames, rate)),
  }));
}

describe('mediaTime of the frame on screen to wall clock', () => {
  for (const [name, rate, frames] of [
    ['25', { num: 25, den: 1 }, 25],
    ['50', { num: 50, den: 1 }, 50],
    ['29.97', { num: 30000, den: 1001 }, 30],
    ['23.976', { num: 24000, den: 1001 }, 24],
    ['59.94', { num: 60000, den: 1001 }, 60],
  ] as const) {
    test(`${name}: exact for every frame, at any distance from the start, whatever the float`, () => {
      const clock = new Clock(rate);
      const at = 0.1 + 0.2;
      clock.learn(playlist(rate, frames, 0, 3000, at));
      for (const n of [0, 1, frames - 1, frames, frames + 1, 12_345, 2999 * frames + 7]) {
        const exact = at + (n * rate.den) / rate.num;
        // mediaTime is rounded to microseconds by the browser, and the player's float is off by a bit.
        for (const error of [0, 1e-6, -1e-6, 4e-3, -4e-3]) {
          const off = Number((clock.frame(exact + error) ?? 0n) - (origin + framesToMicros(n, rate)));
          expect(Math.abs(off), `frame ${n} ${error}`).toBeLessThanOrEqual(1);
        }
      }
    });
  }

  test('a segment start that the player corrected later is used as corrected', () => {
    const rate = { num: 25, den: 1 };
    const clock = new Clock(rate);
    const [a, b] = playlist(rate, 25, 0, 2, 10);
    if (!a || !b) throw new Error('playlist');
    clock.learn([
      { ...a, start: 10.5 },
      { ...b, start: 11.5 },
    ]);
    clock.learn([a, b]);
    expect(clock.frame(10.04)).toBe(origin + 40_000n);
  });

  test('instants are kept after their segment has left the live playlist', () => {
    const rate = { num: 25, den: 1 };
    const clock = new Clock(rate);
    for (let first = 0; first < 100; first++) clock.learn(playlist(rate, 25, first, 6, first));
    expect(clock.frame(2.2)).toBe(origin + 2_200_000n);
  });

  test('after an outage the time is the new segments’, not a count from the old ones', () => {
    const rate = { num: 25, den: 1 };
    const clock = new Clock(rate);
    clock.learn(playlist(rate, 25, 0, 3, 0));
    // Thirty seconds were lost; the player's timeline goes on without them.
    clock.learn(playlist(rate, 25, 33, 3, 3));
    expect(clock.frame(2.96)).toBe(origin + 2_960_000n);
    expect(clock.frame(3)).toBe(origin + 33_000_000n);
  });

  test('segments without a time, and playlists without any, give none', () => {
    const clock = new Clock({ num: 25, den: 1 });
    expect(clock.frame(1)).toBeNull();
    expect(clock.position(origin)).toBeNull();
    clock.learn([{ start: 0, rawProgramDateTime: null }]);
    expect(clock.frame(1)).toBeNull();
  });
});

test('position is the inverse', () => {
  const rate = { num: 30000, den: 1001 };
  const clock = new Clock(rate);
  clock.learn(playlist(rate, 30, 0, 60, 5));
  for (const n of [0, 1, 29, 30, 777]) {
    const utc = origin + framesToMicros(n, rate);
    const position = clock.position(utc) ?? NaN;
    expect(position).toBeCloseTo(5 + (n * 1001) / 30000, 5);
    expect(Math.abs(Number((clock.frame(position) ?? 0n) - utc))).toBeLessThanOrEqual(1);
  }
});

test('the frame that stands at a position, whatever the float', () => {
  for (const rate of [
    { num: 25, den: 1 },
    { num: 60000, den: 1001 },
  ]) {
    const clock = new Clock(rate);
    clock.learn(playlist(rate, 60, 0, 20, 0.3));
    for (const n of [0, 1, 59, 60, 700]) {
      const exact = 0.3 + (n * rate.den) / rate.num;
      const middle = 0.3 + ((n + 0.5) * rate.den) / rate.num;
      for (const at of [exact - 1e-6, exact, middle]) expect(clock.presentation(at)).toBeCloseTo(exact, 6);
    }
  }
  expect(new Clock({ num: 25, den: 1 }).presentation(1.23)).toBe(1.23);
});
