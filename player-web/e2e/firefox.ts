/** Debian's Firefox over WebDriver BiDi: hls.js in another engine's Media Source. */
import { launch, type Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, demo, DESKTOP, eventually, instant, PHONE, token } from './browser';
import { origin } from './origin';
import { install } from './strip';
import { moved, pause, plays, watchLive, watchFrames, type Tab } from './tab';
import { parseMicros } from '../src/lib/time';

let browser: Browser;
const { crew, fps } = await demo();

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

  test('a published highlight plays first frame to last', () =>
    firefox(PHONE, (tab) => watchFrames(tab, 'Firefox')));

  test('the desk plays in step, and a mark of a standing picture is its frame', () =>
    firefox(DESKTOP, async (tab) => {
      const known = await origin();
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
      let { frame } = await pause(tab);
      for (const step of ['', 'ArrowLeft', 'ArrowRight', 'ArrowRight']) {
        if (step) {
          await tab.press(step);
          frame = await moved(tab, frame);
        }
        const marked = new Set((await crew.marks()).map((m) => m.id));
        await tab.press('g');
        const mark = await eventually('the mark', async () =>
          (await crew.marks()).find((m) => !marked.has(m.id)),
        );
        const at = parseMicros(mark.in) + 8_000_000n;
        const off = Number(at - instant(frame, known, fps)) * (fps.num / fps.den / 1e6);
        expect(Math.round(off), `frames off, ${step || 'paused'}`).toBe(0);
      }
    }));
});
