/**
 * Chromium against a running demo. `VIRAGE_URL` is its address, `VIRAGE_TOKEN` the crew token,
 * `VIRAGE_SHOTS` a folder for screenshots. Waits are on conditions; nothing is tried twice.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  chromium,
  type APIRequestContext,
  type Browser,
  type BrowserContext,
  type Page,
} from 'playwright-core';
import type { Camera, Highlight, Mark, Venue } from '../src/lib/api';
import { framesToMicros, microsToFrames, parseMicros, type Micros, type Rate } from '../src/lib/time';
import { install, type Sample, type Strip } from './strip';

function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: it names the running demo`);
  return value;
}

export const base = env('VIRAGE_URL').replace(/\/$/, '');
export const token = env('VIRAGE_TOKEN');
const shots = process.env['VIRAGE_SHOTS'];

let launched: Promise<Browser> | undefined;

/** The one browser of the run; each page has a context of its own. */
export function browser(): Promise<Browser> {
  return (launched ??= chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--headless=new',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  }));
}

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1920, height: 1080 };

export interface Opened {
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page: exceptions, refused policies. Tests expect it empty. */
  errors: string[];
}

export async function open(
  path: string,
  {
    viewport = DESKTOP,
    light = false,
    touch = false,
    prepare,
  }: {
    viewport?: { width: number; height: number };
    light?: boolean;
    /** A screen that is touched, not pointed at. */
    touch?: boolean;
    /** Before the page is opened: routes that change what the server answers. */
    prepare?: (page: Page) => Promise<void>;
  } = {},
): Promise<Opened> {
  const context = await (
    await browser()
  ).newContext({
    ignoreHTTPSErrors: true,
    viewport,
    locale: 'fr-FR',
    timezoneId: 'Europe/Paris',
    colorScheme: light ? 'light' : 'dark',
    hasTouch: touch,
  });
  context.setDefaultTimeout(30_000);
  await context.addInitScript(install);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) errors.push(message.text());
  });
  await prepare?.(page);
  await page.goto(base + path);
  return { context, page, errors };
}

/** Does something on a page and closes it; nothing may have gone wrong there. */
export async function visit(opening: Promise<Opened>, run: (opened: Opened) => Promise<void>): Promise<void> {
  const opened = await opening;
  try {
    await run(opened);
    expect(opened.errors).toEqual([]);
  } finally {
    await opened.context.close();
  }
}

/** A desk signed in through the link that the server prints. */
export async function openDesk(options: Parameters<typeof open>[1] = {}): Promise<Opened> {
  const desk = await open(`/desk?token=${encodeURIComponent(token)}`, options);
  await desk.page.getByTestId('desk').waitFor();
  return desk;
}

/** Waits until the picture plays. */
export async function playing(page: Page, testid = 'picture'): Promise<void> {
  await page.waitForFunction((id) => {
    const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${id}"]`);
    return video && !video.paused && video.readyState >= 3 && video.currentTime > 0;
  }, testid);
}

/** Records frames until `count` have been presented. */
export async function record(page: Page, count: number, testid = 'picture'): Promise<Sample[]> {
  await page.evaluate((id) => window.probe.record(id), testid);
  await page.waitForFunction((n) => window.probe.samples.length >= n, count, {
    timeout: 60_000 + count * 60,
  });
  return page.evaluate(() => window.probe.samples);
}

/** Waits until the picture stands still, and returns the strip of the frame that it shows. */
export async function still(page: Page, testid = 'picture'): Promise<Strip> {
  const strip = await page.waitForFunction(
    (id) => {
      const video = document.querySelector<HTMLVideoElement & { seen?: [number, number] }>(
        `video[data-testid="${id}"]`,
      );
      const now = video && !video.seeking && video.readyState >= 2 ? window.probe.read(video) : null;
      if (!video || !now) return null;
      const [frame, times] = video.seen ?? [-1, 0];
      video.seen = now.frame === frame ? [frame, times + 1] : [now.frame, 0];
      if (video.seen[1] < 4) return null;
      delete video.seen;
      return now;
    },
    testid,
    { polling: 30 },
  );
  return (await strip.jsonValue()) as Strip;
}

/** Presses a control that moves a standing picture and waits until the new frame is on screen. */
export async function stepped(page: Page, press: () => Promise<void>): Promise<Sample> {
  const before = await page.evaluate(() => window.probe.samples.length);
  await press();
  const sample = await page.waitForFunction((n) => {
    const video = document.querySelector<HTMLVideoElement>('video[data-testid="picture"]');
    return window.probe.samples.length > n && video && !video.seeking && window.probe.samples.at(-1);
  }, before);
  return (await sample.jsonValue()) as Sample;
}

/** Waits for a replay's picture and stops it before its end: a short one may be over before a key is pressed. */
export async function halt(page: Page): Promise<void> {
  await eventually('the replay stands before its end', async () => {
    const state = await page.evaluate(() => {
      const video = document.querySelector('video');
      if (!video || video.readyState < 2) return 'loading';
      return video.dataset['ended'] === 'true' ? 'ended' : video.paused ? 'paused' : 'playing';
    });
    if (state === 'ended') await page.getByTestId('again').click();
    if (state === 'playing') await page.keyboard.press('Space');
    return state === 'paused';
  });
}

/** To the first frame of a replay that stands still. */
export async function rewind(page: Page): Promise<Strip> {
  await page.getByTestId('scrub').evaluate((el: HTMLInputElement) => {
    el.value = el.min;
    el.dispatchEvent(new Event('input', { bubbles: true }));
  });
  return still(page);
}

export async function screenshot(page: Page, name: string): Promise<void> {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** The API as the crew calls it. */
export class Crew {
  constructor(private readonly request: APIRequestContext) {}

  private async call<T>(method: string, path: string, data?: unknown): Promise<T> {
    const response = await this.request.fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(data === undefined ? {} : { data }),
      ignoreHTTPSErrors: true,
    });
    if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${await response.text()}`);
    return (response.status() === 204 ? undefined : await response.json()) as T;
  }

  static async open(): Promise<Crew> {
    return new Crew((await (await browser()).newContext({ ignoreHTTPSErrors: true })).request);
  }

  venue = () => this.call<Venue>('GET', '/api/v1/venue');
  cameras = async () => (await this.call<{ items: Camera[] }>('GET', '/api/v1/cameras')).items;
  marks = async () => (await this.call<{ items: Mark[] }>('GET', '/api/v1/marks')).items;
  highlights = async () => (await this.call<{ items: Highlight[] }>('GET', '/api/v1/highlights')).items;
  highlight = (id: string) => this.call<Highlight>('GET', `/api/v1/highlights/${id}`);
  /** Takes a camera out, or puts it back. */
  pause = (id: string) => this.call<Camera>('POST', `/api/v1/cameras/${id}/pause`);
  resume = (id: string) => this.call<Camera>('POST', `/api/v1/cameras/${id}/resume`);
  publish = (body: object) => this.call<Highlight>('POST', '/api/v1/highlights', { publish: true, ...body });

  /** Text of a playlist; of a multivariant's first variant when it is one. */
  async playlist(path: string): Promise<string> {
    const response = await this.request.get(`${base}${path}`, { ignoreHTTPSErrors: true });
    const text = await response.text();
    if (!response.ok()) throw new Error(`GET ${path}: ${response.status()}`);
    const variant = /#EXT-X-STREAM-INF:[^\n]*\n([^\n#]+)/.exec(text)?.[1];
    return variant ? this.playlist(new URL(variant.trim(), base + path).pathname) : text;
  }
}

/** The crew's API of the running demo, and the venue's frame rate. */
export async function demo(): Promise<{ crew: Crew; fps: Rate }> {
  const crew = await Crew.open();
  return { crew, fps: (await crew.venue()).fps };
}

/** What an angle's playlist holds, frame by frame, counted from its first. */
export function frames(playlist: string, fps: Rate): { begin: Micros; frames: number[] } {
  const segments = [
    ...playlist.matchAll(/#EXT-X-PROGRAM-DATE-TIME:(\S+)\n(?:#(?!EXTINF)[^\n]*\n)*#EXTINF:([\d.]+)/g),
  ].map(([, at = '', length]) => ({ at: parseMicros(at), length: Number(length) }));
  const begin = segments[0]?.at;
  if (begin === undefined) throw new Error(`no dated segment in\n${playlist}`);
  return {
    begin,
    frames: segments.flatMap(({ at, length }) => {
      const first = microsToFrames(at - begin, fps);
      return Array.from({ length: Math.round((length * fps.num) / fps.den) }, (_, i) => first + i);
    }),
  };
}

/** Of those, the ones that a player of ours shows: from the frame at `in` to the one before `out`. */
export function shown(
  held: { begin: Micros; frames: number[] },
  { in: from, out: to }: Pick<Highlight, 'in' | 'out'>,
  fps: Rate,
): number[] {
  const [first, end] = [from, to].map((at) => microsToFrames(parseMicros(at) - held.begin, fps));
  return held.frames.filter((frame) => frame >= (first ?? NaN) && frame < (end ?? NaN));
}

/** When a frame is, given another frame and its time. */
export function instant(frame: number, known: { frame: number; utc: Micros }, fps: Rate): Micros {
  return known.utc + framesToMicros(frame - known.frame, fps);
}

/** Polls a condition outside of the page, with a bound. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  ms = 20_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
