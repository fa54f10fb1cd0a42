/** Angles that are taken out and put back while pages are open. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { demo, eventually, open, openDesk, PHONE, playing, screenshot } from './browser';

const { crew } = await demo();

/** Frames that a page presents from now on. */
async function presents(page: Page, count: number): Promise<void> {
  const seen = await page.evaluate(() => window.probe.samples.length);
  await page.waitForFunction((n) => window.probe.samples.length >= n, seen + count);
}

const shows = (page: Page, angle: string) =>
  page.waitForFunction((a) => document.querySelector('video')?.dataset['angle'] === a, angle);

/** Nothing that was recorded jumps: it plays on at the same instant, whichever camera shows it. */
async function expectSmooth(page: Page, who: string): Promise<void> {
  const samples = await page.evaluate(() => window.probe.samples);
  for (const [i, s] of samples.entries()) {
    const before = samples[i - 1];
    if (!before) continue;
    expect(s.currentTime, `${who}: never back`).toBeGreaterThanOrEqual(before.currentTime);
    // What a busy machine does not draw it leaves out; a gap that is jumped over is seconds.
    expect(s.currentTime - before.currentTime, `${who}: never over a gap`).toBeLessThan(1);
  }
}

describe('an angle that is paused and put back', () => {
  test('nobody stalls, and it can be turned to again', async () => {
    const live = (await crew.cameras()).filter((c) => c.state === 'live' && c.bearing !== null);
    const [stays = '', goes = ''] = live.map((c) => c.id);
    const [beside, onIt, desk] = await Promise.all([
      open('/', { viewport: PHONE }),
      open('/', { viewport: PHONE }),
      openDesk({ viewport: { width: 1280, height: 800 } }),
    ]);
    await Promise.all([beside, onIt, desk].map(({ page }) => playing(page)));
    await beside.page.getByTestId(`angle-${stays}`).click();
    await onIt.page.getByTestId(`angle-${goes}`).click();
    await shows(onIt.page, goes);
    for (const { page } of [beside, onIt]) {
      await page.evaluate(() => window.probe.record('picture'));
      await presents(page, 25);
    }

    try {
      await crew.pause(goes);
      for (const { page } of [beside, onIt]) {
        await page.getByTestId(`angle-${goes}`).getByText('en pause').waitFor();
      }
      await desk.page.getByTestId(`angle-${goes}`).getByText('en pause').first().waitFor();
      await screenshot(desk.page, 'desk-paused');
      await screenshot(onIt.page, 'fan-paused');
      await shows(onIt.page, stays);
      // Longer than what was buffered: what plays now was recorded since.
      for (const { page } of [beside, onIt]) await presents(page, 150);

      // A page that is opened meanwhile knows nothing of its pictures yet.
      const late = await open('/', { viewport: PHONE });
      await playing(late.page);
      await crew.resume(goes);
      await eventually('it is back', async () =>
        (await crew.cameras()).some((c) => c.id === goes && c.state === 'live'),
      );
      for (const { page } of [beside, onIt]) {
        await page.getByTestId(`angle-${goes}`).getByText('en pause').waitFor({ state: 'detached' });
        await presents(page, 50);
        // Where it was away there is nothing to play: nobody is turned back.
        expect(await page.locator('video').getAttribute('data-angle')).toBe(stays);
      }
      await expectSmooth(beside.page, 'beside it');
      await expectSmooth(onIt.page, 'on it');

      // As far back as live playback is, it has been there for a while.
      await presents(beside.page, 125);
      for (const { page } of [onIt, late]) {
        await page.getByTestId(`angle-${goes}`).click();
        await shows(page, goes);
        await page.evaluate(() => window.probe.record('picture'));
        await presents(page, 25);
        const camera = (await page.evaluate(() => window.probe.samples)).at(-1)?.camera;
        const other = (await beside.page.evaluate(() => window.probe.samples)).at(-1)?.camera;
        expect(camera, 'the strip says which camera').not.toBe(other);
      }
      expect(late.errors).toEqual([]);
      await late.context.close();
    } finally {
      // The suites after this one want every camera.
      await crew.resume(goes);
    }
    for (const { errors, context } of [beside, onIt, desk]) {
      expect(errors).toEqual([]);
      await context.close();
    }
  });

  test('a camera with a warning says what is wrong on its tile', async () => {
    const warning = 'L’horloge de la caméra avance de 80 ms ; vérifier son serveur NTP.';
    const [, second] = await crew.cameras();
    const desk = await openDesk({
      prepare: async (page) => {
        await page.route('**/api/v1/cameras', async (route) => {
          const response = await route.fetch();
          const { items } = (await response.json()) as { items: { id: string }[] };
          await route.fulfill({
            response,
            json: { items: items.map((c) => (c.id === second?.id ? { ...c, warning } : c)) },
          });
        });
      },
    });
    await playing(desk.page);
    const said = desk.page.getByTestId(`warning-${second?.id}`);
    expect(await said.textContent()).toContain(warning);
    await screenshot(desk.page, 'desk-warning');
    await desk.context.close();
  });
});
