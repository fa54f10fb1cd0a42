import { expect, test } from 'vitest';
import { nextCut } from '../src/lib/hls-player';
import { route } from '../src/fan/app.svelte';

const fragments = [0, 1, 2, 3].map((start) => ({ start, end: start + 1 })) as never;

test('a new angle begins at the next segment that can still be fetched', () => {
  expect(nextCut({ fragments }, 0.5)).toBe(1);
  expect(nextCut({ fragments }, 0.95)).toBe(2);
  expect(nextCut({ fragments }, 3.5)).toBe(4);
  expect(nextCut(null, 1)).toBeNull();
});

test('addresses', () => {
  expect(route('#/h/h-01k')).toBe('h-01k');
  expect(route('#/h/../x')).toBeNull();
  expect(route('')).toBeNull();
});
