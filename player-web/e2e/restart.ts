/**
 * What the pages do when something fails. The demo is killed and started again at its own addresses:
 * `VIRAGE_PIDFILE` holds its process id, `VIRAGE_BIN`, `VIRAGE_PLAIN`, `VIRAGE_TLS` and `VIRAGE_DATA` start it.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { Crew, eventually, open, openDesk, PHONE, playing, screenshot } from './browser';
import type { Camera } from '../src/lib/api';

const pidfile = process.env['VIRAGE_PIDFILE'];

function startAgain(): void {
  const { VIRAGE_BIN: bin, VIRAGE_PLAIN: plain, VIRAGE_TLS: tls, VIRAGE_DATA: data } = process.env;
  if (!pidfile || !bin || !plain || !tls || !data) throw new Error('how to start the demo is not known');
  const demo = spawn(bin, ['demo', '--listen', plain, '--tls-listen', tls, '--data', data], {
    stdio: 'ignore',
    detached: true,
  });
  demo.unref();
  writeFileSync(pidfile, String(demo.pid));
}

/** Frames go on being presented. */
async function runs(page: Page): Promise<void> {
  await page.evaluate(() => window.probe.record('picture'));
  await page.waitForFunction(() => window.probe.samples.length > 25, undefined, { timeout: 90_000 });
}

describe('when something fails', () => {
  test('a lost camera says so on both pages, and the others play', async () => {
    const prepare = async (page: Page) => {
      await page.route('**/api/v1/cameras', async (route) => {
        const response = await route.fetch();
        const { items } = (await response.json()) as { items: Camera[] };
        const [, second] = items;
        if (second) Object.assign(second, { state: 'lost', message: 'Le câble est débranché.' });
        await route.fulfill({ response, json: { items } });
      });
    };
    const id = (await (await Crew.open()).cameras())[1]?.id ?? '';
    const fan = await open('/', { viewport: PHONE, prepare });
    await playing(fan.page);
    expect(await fan.page.getByTestId(`angle-${id}`).textContent()).toContain('perdue');
    await screenshot(fan.page, 'fan-lost');
    await fan.context.close();
    const desk = await openDesk({ prepare });
    await playing(desk.page);
    const tile = await desk.page.getByTestId(`angle-${id}`).textContent();
    expect(tile).toContain('perdue');
    expect(tile).toContain('Le câble est débranché.');
    await screenshot(desk.page, 'desk-lost');
    await desk.context.close();
  });

  test('pages get over a server that was killed and came back', async () => {
    const crew = await Crew.open();
    const kept = await crew.highlights();
    const fan = await open('/', { viewport: PHONE });
    const desk = await openDesk();
    await playing(fan.page);
    await playing(desk.page);
    await fan.page.locator('[data-testid^=highlight-]').first().waitFor();
    await Promise.all(
      [fan, desk].map(({ page }) => page.evaluate(() => Object.assign(window, { loaded: 1 }))),
    );

    process.kill(Number(readFileSync(pidfile ?? '', 'utf8')), 'SIGKILL');
    await fan.page.getByText('reconnexion…').waitFor();
    await desk.page.getByText('reconnexion…').waitFor();
    await screenshot(fan.page, 'fan-server-down');
    await screenshot(desk.page, 'desk-server-down');
    startAgain();
    await eventually(
      'the demo is back',
      () =>
        crew.venue().then(
          (v) => v.now !== null,
          () => false,
        ),
      60_000,
    );

    await runs(fan.page);
    await runs(desk.page);
    const readers = kept.filter((h) => h.state === 'published' || h.state === 'growing').slice(0, 50);
    for (const h of readers) await fan.page.getByTestId(`highlight-${h.id}`).waitFor();

    // The line of events is up again: what one desk marks and publishes is on every page.
    await desk.page.getByText('relié').waitFor();
    await fan.page.getByText('reconnexion…').waitFor({ state: 'detached' });
    await desk.page.keyboard.press('g');
    await desk.page.locator('[data-testid=moments] [aria-pressed=true][data-stage=marked]').waitFor();
    await desk.page.keyboard.press('p');
    const made = desk.page.locator('[data-testid=moments] [aria-pressed=true]:not([data-stage=marked])');
    await made.waitFor();
    const id = ((await made.getAttribute('data-testid')) ?? '').replace('moment-', '');
    await fan.page.getByTestId(`highlight-${id}`).waitFor();
    for (const { page, errors, context } of [fan, desk]) {
      expect(await page.evaluate(() => (window as unknown as { loaded: number }).loaded)).toBe(1);
      expect(errors).toEqual([]);
      await context.close();
    }
  }, 240_000);
});
