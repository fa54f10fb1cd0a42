/** Debian's Firefox over WebDriver BiDi: hls.js in another engine's Media Source. */
import { launch, type Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, demo, DESKTOP, eventually, PHONE, token } from './browser';
import { install } from './strip';
import { plays, watchLive, watchFrames, type Tab } from './tab';

let browser: Browser;
const { fps } = await demo();

async function firefox(
  viewport: { width: number; height: number },
  run: (tab: Tab) => Promise<void>,
): Promise<void> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.setViewport(viewport);
  await page.evaluateOnNewDocument(install);
  try {
    await run({
      goto: async (path) => void (await page.goto(base + path)),
      evaluate: (f, arg) => page.evaluate(f as (arg: unknown) => never, arg),
      click: (id) => page.click(`[data-testid="${id}"]`),
      press: (key) => page.keyboard.press(key as 'Space'),
    });
    expect(errors).toEqual([]);
  } finally {
    await context.close();
  }
}

describe('Firefox', () => {
  beforeAll(async () => {
    browser = await launch({
      browser: 'firefox',
      executablePath: process.env['FIREFOX'] ?? '/usr/bin/firefox-esr',
      headless: true,
      acceptInsecureCerts: true,
      extraPrefsFirefox: { 'media.autoplay.default': 0 },
    });
  });

  afterAll(() => browser.close());

  test('live plays, and an angle switch goes on at the same instant', () =>
    firefox(PHONE, (tab) => watchLive(tab, 'Firefox', fps)));

  test('a published highlight plays first frame to last, and the desk plays in step', async () => {
    await firefox(PHONE, async (tab) => void (await watchFrames(tab, 'Firefox')));
    await firefox(DESKTOP, async (tab) => {
      await tab.goto(`/desk?token=${encodeURIComponent(token)}`);
      await plays(tab);
      await eventually(
        'all pictures in step',
        () =>
          tab.evaluate(() => {
            const shown = [...document.querySelectorAll('video')].map(
              (v) => window.probe.read(v)?.frame ?? NaN,
            );
            return shown.length > 1 && Math.max(...shown) - Math.min(...shown) <= 2;
          }, null),
        60_000,
      );
    });
  });
});
