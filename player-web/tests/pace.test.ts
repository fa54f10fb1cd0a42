import { describe, expect, test } from 'vitest';
import { LiveLine, steer } from '../src/lib/pace';

describe('the live line', () => {
  test('is the fastest answer, forgotten slowly', () => {
    const line = new LiveLine(0.4);
    expect(line.target(10)).toBeNull();
    line.heard(1000, 10);
    expect(line.target(10)).toBeCloseTo(999.6);
    line.heard(1000.9, 11.2); // late by 0.3: no news
    expect(line.target(11)).toBeCloseTo(1000.6);
    line.heard(1002.1, 12); // earlier than ever
    expect(line.target(12)).toBeCloseTo(1001.7);
    line.heard(1101.95, 112); // the clock drifted: after a while the line follows
    expect(line.target(112)).toBeCloseTo(1101.55);
  });

  test('steps back for everybody when a player runs dry, and comes closer again', () => {
    const line = new LiveLine(0.4);
    line.heard(1000, 0);
    line.stalled(0.1, 0);
    expect(line.target(1)).toBeCloseTo(1000.5);
    expect(line.target(12.5)).toBeCloseTo(1000 + 12.5 - 0.4 - 0.05);
    expect(line.target(60)).toBeCloseTo(1059.6);
    for (let i = 0; i < 100; i++) line.stalled(0.1, 60);
    expect(line.target(60)).toBeCloseTo(1058.6);
  });
});

describe('steering', () => {
  test('small errors are left alone, larger ones caught up, beyond a second by a seek', () => {
    expect(steer(0.01, false)).toEqual({ rate: 1 });
    expect(steer(0.2, false)).toEqual({ rate: 1.18 });
    expect(steer(-0.2, false)).toEqual({ rate: 0.82 });
    expect(steer(0.9, false)).toEqual({ rate: 1.5 });
    expect(steer(5, false)).toEqual({ seek: 5 });
    expect(steer(-2, false)).toEqual({ seek: -2 });
  });

  test('what is heard changes gently', () => {
    expect(steer(0.05, true)).toEqual({ rate: 1 });
    expect(steer(0.9, true)).toEqual({ rate: 1.08 });
    expect(steer(-0.9, true)).toEqual({ rate: 0.95 });
  });
});
