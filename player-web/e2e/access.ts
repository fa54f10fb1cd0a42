import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { base, DESKTOP, open, openDesk, PHONE, playing, screenshot } from './browser';

/** Rules broken on the page, each with the elements that break it. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  return found.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}

/** Controls smaller than a finger; a checkbox counts with its label. */
const small = (page: Page, least = 44): Promise<string[]> =>
  page.evaluate(
    (least) =>
      [...document.querySelectorAll('button, a[href], input, select, summary')].flatMap((element) => {
        const { width, height } = (element.closest('label') ?? element).getBoundingClientRect();
        const name = element.getAttribute('data-testid') ?? element.outerHTML.slice(0, 80);
        return width > 0 && (width < least || height < least) ? [`${name}: ${width} x ${height}`] : [];
      }),
    least,
  );

describe('accessible, phone and desktop', () => {
  for (const { size, viewport, light } of [
    { size: 'phone', viewport: PHONE, light: false },
    { size: 'phone', viewport: PHONE, light: true },
    { size: 'desktop', viewport: DESKTOP, light: false },
  ]) {
    const theme = light ? 'light' : 'dark';
    test(`fan app, ${size}, ${theme}`, async () => {
      const { page, context, errors } = await open('/', { viewport, light });
      await playing(page);
      await screenshot(page, `fan-${size}-${theme}`);
      expect(await violations(page)).toEqual([]);
      expect(await small(page)).toEqual([]);
      await page.locator('[data-testid^=highlight-]').first().click();
      await page.getByTestId('close').waitFor();
      await playing(page);
      await screenshot(page, `fan-replay-${size}-${theme}`);
      expect(await violations(page)).toEqual([]);
      expect(await small(page)).toEqual([]);
      expect(errors).toEqual([]);
      await context.close();
    });
  }

  for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    test(`desk, ${size}`, async () => {
      const { page, context, errors } = await openDesk({ viewport });
      await playing(page);
      await page.keyboard.press('g');
      await page.locator('[data-testid=moments] [aria-pressed=true]').waitFor();
      await screenshot(page, `desk-${size}`);
      expect(await violations(page)).toEqual([]);
      expect(await small(page)).toEqual([]);
      await page.keyboard.press('?');
      await page.getByTestId('help-panel').waitFor();
      await screenshot(page, `desk-help-${size}`);
      expect(await violations(page)).toEqual([]);
      expect(await small(page)).toEqual([]);
      expect(errors).toEqual([]);
      await context.close();
    });
  }

  test('sign-in', async () => {
    const { page, context } = await open('/desk?token=wrong');
    await page.getByTestId('refused').waitFor();
    await screenshot(page, 'desk-sign-in');
    expect(await violations(page)).toEqual([]);
    expect(await small(page)).toEqual([]);
    await context.close();
  });

  for (const { viewport, light } of [
    { viewport: PHONE, light: true },
    { viewport: DESKTOP, light: false },
  ]) {
    test(`an address at which there is nothing, ${viewport.width} px, ${light ? 'light' : 'dark'}`, async () => {
      const { page, context, errors } = await open('/nope', { viewport, light });
      await page.getByTestId('nothing-here').waitFor();
      await screenshot(page, `nothing-${viewport.width}-${light ? 'light' : 'dark'}`);
      expect(await violations(page)).toEqual([]);
      expect(await small(page)).toEqual([]);
      await page.getByTestId('way-back').click();
      await page.getByTestId('picture').waitFor();
      await page.goto(`${base}/desk/nope`);
      expect(await page.getByTestId('way-back').getAttribute('href')).toBe('/desk');
      expect(errors).toEqual([]);
      await context.close();
    });
  }

  test('the desk on a touch wall: nothing that a hand has to hit is under 64 px', async () => {
    const { page, context } = await openDesk({ touch: true });
    await playing(page);
    await page.getByTestId('mark-goal').tap();
    await page.locator('[data-testid=moments] [aria-pressed=true]').waitFor();
    await screenshot(page, 'desk-wall');
    expect(await small(page, 64)).toEqual([]);
    await context.close();
  });
});
