import { describe, expect, test } from 'vitest';
import {
  clockTime,
  formatMicros,
  frameSeconds,
  framesToMicros,
  length,
  microsToFrames,
  parseMicros,
  secondsToMicros,
  timecode,
  type Rate,
} from '../src/lib/time';

const PAL: Rate = { num: 25, den: 1 };
const FIFTY: Rate = { num: 50, den: 1 };
const NTSC: Rate = { num: 30000, den: 1001 };
const FILM: Rate = { num: 24000, den: 1001 };

describe('RFC 3339 to microseconds', () => {
  for (const [text, micros] of [
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00:00.000001Z', 1n],
    ['2026-11-22T19:03:12.040000Z', 1795374192040000n],
    ['2026-11-22T19:03:12.04Z', 1795374192040000n],
    ['2026-11-22T19:03:12.123456789Z', 1795374192123456n],
    ['2026-11-22T20:03:12.040000+01:00', 1795374192040000n],
  ] as const) {
    test(text, () => expect(parseMicros(text)).toBe(micros));
  }

  test('six digits are written, and read back', () => {
    expect(formatMicros(1795374192040001n)).toBe('2026-11-22T19:03:12.040001Z');
    for (const micros of [0n, 1n, 999_999n, 1795374192999999n])
      expect(parseMicros(formatMicros(micros))).toBe(micros);
  });

  test('anything else is refused', () => {
    for (const text of ['', 'now', '2026-11-22', '2026-11-22T19:03:12', '2026-13-22T19:03:12Z']) {
      expect(() => parseMicros(text)).toThrow(RangeError);
    }
  });
});

describe('the frame grid', () => {
  for (const rate of [PAL, FIFTY, NTSC, FILM]) {
    test(`${rate.num}/${rate.den}: frames to microseconds and back is the identity`, () => {
      for (const n of [0, 1, 2, 29, 30, 1000, 107892, 10_000_000, -3]) {
        expect(microsToFrames(framesToMicros(n, rate), rate)).toBe(n);
      }
    });
  }

  test('a frame is as long as it is', () => {
    expect(framesToMicros(1, PAL)).toBe(40_000n);
    expect(framesToMicros(30, NTSC)).toBe(1_001_000n);
    expect(framesToMicros(1, NTSC)).toBe(33_367n);
    expect(frameSeconds(NTSC)).toBeCloseTo(0.0333667, 7);
    expect(secondsToMicros(1.0000004)).toBe(1_000_000n);
  });
});

describe('time as people read it', () => {
  test('timecode counts every frame of a second once', () => {
    const second = parseMicros('2026-11-22T19:03:12Z');
    const codes = Array.from({ length: 25 }, (_, n) => timecode(second + framesToMicros(n, PAL), PAL, 0));
    expect(codes[0]).toBe('19:03:12:00');
    expect(codes[24]).toBe('19:03:12:24');
    expect(new Set(codes).size).toBe(25);
    expect(timecode(second + framesToMicros(25, PAL), PAL, 0)).toBe('19:03:13:00');
  });

  test('a time rounded down to the microsecond is its own frame', () => {
    const start = parseMicros('2026-11-22T23:59:59.999999Z');
    expect(timecode(start, PAL, 0)).toBe('00:00:00:00');
  });

  test('the viewer’s zone', () => {
    expect(timecode(parseMicros('2026-11-22T23:30:00Z'), PAL, 60)).toBe('00:30:00:00');
    expect(clockTime(parseMicros('2026-11-22T19:03:12Z'), true)).toMatch(/^\d\d:\d\d:12$/);
  });

  test('lengths', () => {
    expect(length(0)).toBe('0:00');
    expect(length(72.9)).toBe('1:12');
    expect(length(-1)).toBe('0:00');
  });
});
