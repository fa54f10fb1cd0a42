import { describe, expect, test } from 'vitest';
import { apart, bearingAt, clockwise, nearest, neighbour, place, wedge } from '../src/lib/turn';

const cameras = [
  { id: 'south', bearing: 270 },
  { id: 'main', bearing: 0 },
  { id: 'opposite', bearing: 180 },
  { id: 'north', bearing: 90 },
];

describe('the turn', () => {
  test('0 is behind the main stand, below; the rest goes clockwise', () => {
    expect(place(0, 100, 50)).toMatchObject({ y: 50 });
    expect(place(90, 100, 50).x).toBeCloseTo(-100);
    expect(place(180, 100, 50).y).toBeCloseTo(-50);
    expect(place(270, 100, 50).x).toBeCloseTo(100);
  });

  test('a point on the oval is its bearing again', () => {
    for (let b = 0; b < 360; b += 7) expect(bearingAt(place(b, 172, 96), 172, 96)).toBeCloseTo(b, 6);
  });

  test('cameras come in the order of their bearing, negative or above 360 too', () => {
    expect(clockwise(cameras).map((c) => c.id)).toEqual(['main', 'north', 'opposite', 'south']);
    expect(
      clockwise([
        { id: 'a', bearing: 10 },
        { id: 'b', bearing: -20 },
        { id: 'c', bearing: 365 },
      ]).map((c) => c.id),
    ).toEqual(['c', 'a', 'b']);
  });

  test('next and previous go round', () => {
    expect(neighbour(cameras, 'main', 1)?.id).toBe('north');
    expect(neighbour(cameras, 'main', -1)?.id).toBe('south');
    expect(neighbour(cameras, 'south', 1)?.id).toBe('main');
    expect(neighbour(cameras, 'gone', 1)?.id).toBe('main');
    expect(neighbour([], 'main', 1)).toBeUndefined();
  });

  test('the nearest camera, across north', () => {
    expect(nearest(cameras, 350)?.id).toBe('main');
    expect(nearest(cameras, 100)?.id).toBe('north');
    expect(apart(350, 10)).toBe(20);
  });

  test('what shows all angles is the last, and near to nothing', () => {
    const all = { id: 'all', bearing: null };
    expect(clockwise([all, ...cameras]).at(-1)).toBe(all);
    expect(neighbour([all, ...cameras], 'south', 1)).toBe(all);
    expect(neighbour([all, ...cameras], 'all', 1)?.id).toBe('main');
    expect(nearest([all, ...cameras], 0)?.id).toBe('main');
    expect(nearest([all], 0)).toBeUndefined();
  });

  test('the wedge starts at the camera', () => {
    expect(wedge({ x: 0, y: 50 })).toMatch(/^M0 50L/);
  });
});
