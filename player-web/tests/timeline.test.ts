import { expect, test } from 'vitest';
import { nearestPoint, timeline } from '../src/fan/timeline';
import { highlight } from './fixtures';

const begin = Date.parse('2026-11-22T19:03:00Z') / 1000;

test('moments stand on the line by their time, from the oldest to now', () => {
  const { points } = timeline([highlight('b', 'published', 4), highlight('a')], begin + 3600, 4);
  expect(points.map((p) => p.id)).toEqual(['b', 'a']);
  expect(points[1]?.at).toBe(0);
  expect(points[0]?.at).toBeCloseTo(400 / 3600, 3);
  expect(points[0]?.goal).toBe(true);
});

test('the line is a quarter of an hour at least, and ends at a moment that is ahead of this clock', () => {
  expect(timeline([highlight('a')], begin + 450, 4).points[0]?.at).toBeCloseTo(50, 6);
  expect(timeline([highlight('a')], begin - 100, 4).points[0]?.at).toBe(100);
});

test('ticks are whole minutes, and no more than there is room for', () => {
  for (const [length, most] of [
    [900, 4],
    [5400, 5],
    [86_400 * 3, 4],
  ] as const) {
    const { ticks } = timeline([highlight('a')], begin + length, most);
    expect(ticks.length).toBeLessThanOrEqual(most + 1);
    for (const { seconds, at } of ticks) {
      expect(seconds % 300).toBe(0);
      expect(at).toBeGreaterThanOrEqual(0);
      expect(at).toBeLessThanOrEqual(100);
    }
  }
});

test('a tap means the nearest moment', () => {
  const points = [10, 50, 52].map((at) => ({ id: String(at), at, goal: false }));
  expect(nearestPoint(points, 0)?.id).toBe('10');
  expect(nearestPoint(points, 51.2)?.id).toBe('52');
  expect(nearestPoint([], 5)).toBeNull();
});
