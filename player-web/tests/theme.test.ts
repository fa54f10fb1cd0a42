import { expect, test } from 'vitest';
import { contrast, readable } from '../src/lib/theme';

test('contrast is WCAG’s', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 1);
  expect(contrast('red', '#ffffff')).toBe(1);
});

test('any accent becomes readable on any ground', () => {
  for (const accent of ['#ff5a36', '#000080', '#ffff00', '#123456', '#eeeeee', '#777777']) {
    for (const ground of ['#0b0f14', '#1c242d', '#ffffff', '#e6eaee']) {
      expect(contrast(readable(accent, ground), ground), `${accent} on ${ground}`).toBeGreaterThanOrEqual(
        4.5,
      );
    }
  }
  expect(readable('#ffffff', '#000000')).toBe('#ffffff');
});
