import { expect, test } from 'vitest';
import { shuttle, stride, type Shuttle, type ShuttleKey } from '../src/desk/shuttle';

for (const [from, key, to] of [
  [0, 'forward', 1],
  [1, 'forward', 2],
  [2, 'forward', 4],
  [4, 'forward', 4],
  [-2, 'forward', 1],
  [0.25, 'forward', 1],
  [1, 'reverse', -1],
  [0, 'reverse', -1],
  [-1, 'reverse', -2],
  [-2, 'reverse', -4],
  [-4, 'reverse', -4],
  [4, 'pause', 0],
  [-4, 'pause', 0],
  [0, 'slow', 0.25],
  [-1, 'slow', 0.25],
] as [Shuttle, ShuttleKey, Shuttle][]) {
  test(`${from} ${key} → ${to}`, () => expect(shuttle(from, key)).toBe(to));
}

test('a walk backwards covers the time it takes', () => {
  expect(stride(-1)).toBeCloseTo(0.16);
  expect(stride(-4)).toBeCloseTo(0.64);
});
