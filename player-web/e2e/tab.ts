/** A page in a browser that Playwright does not drive, and what the suites of those browsers ask of it. */
import { expect } from 'vitest';
import { demo, eventually, frames as held, shown } from './browser';
import { mode, percentile, type Sample, type Strip } from './strip';
import { formatMicros, parseMicros, type Rate } from '../src/lib/time';

export interface Tab {
  goto(path: string): Promise<void>;
  /** Runs a self-contained function in the page. */
  evaluate<A, R>(run: (arg: A) => R, arg: A): Promise<R>;
  /** Clicks the element with this test id. */
  click(testid: string): Promise<void>;
  press(key: string): Promise<void>;
}

const there = (tab: Tab, selector: string) =>
  eventually(selector, () => tab.evaluate((s) => document.querySelector(s) !== null, selector));

/** Waits until the picture plays. */
export const plays = (tab: Tab) =>
  eventually(
    'the picture plays',
    () =>
      tab.evaluate((id) => {
        const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${id}"]`);
        return video && !video.paused && video.readyState >= 3 && video.currentTime > 0;
      }, 'picture'),
    40_000,
  );

/** Records frames until `count` more have been presented. */
async function recorded(tab: Tab, count: number): Promise<Sample[]> {
  const from = await tab.evaluate(() => window.probe.samples.length, null);
  await eventually(
    `${count} frames`,
    () => tab.evaluate((n) => window.probe.samples.length >= n, from + count),
    20_000 + count * 60,
  );
  return tab.evaluate(() => window.probe.samples, null);
}

export async function record(tab: Tab, count: number): Promise<Sample[]> {
  await tab.evaluate((id) => window.probe.record(id), 'picture');
  return recorded(tab, count);
}

/** Waits until the picture stands still, and returns the strip of the frame that it shows. */
export async function stands(tab: Tab): Promise<Strip> {
  let before: Strip | null = null;
  let times = 0;
  return eventually('the picture stands', async () => {
    const now = await tab.evaluate((id) => {
      const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${id}"]`);
      const still = video && !video.seeking && video.readyState >= 2 && (video.paused || video.ended);
      return still ? window.probe.read(video) : null;
    }, 'picture');
    times = now !== null && now.frame === before?.frame && now.camera === before.camera ? times + 1 : 0;
    before = now;
    return times >= 3 && now;
  });
}

/** Pauses with the space bar, and returns the strip of the frame that stands. */
export async function pause(tab: Tab): Promise<Strip> {
  await tab.press(' ');
  return stands(tab);
}

/** Waits until a standing picture shows another frame than `before`; which one. */
export const moved = (tab: Tab, before: number): Promise<number> =>
  eventually(`a frame other than ${before}`, async () => {
    const now = await tab.evaluate((id) => {
      const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${id}"]`);
      return video && !video.seeking && video.readyState >= 2 ? window.probe.read(video) : null;
    }, 'picture');
    return now !== null && now.frame !== before && now.frame;
  });

/** Waits for a replay's picture and stops it before its end: a short one may be over before a key is pressed. */
const halted = (tab: Tab) =>
  eventually('the replay stands before its end', async () => {
    const state = await tab.evaluate((id) => {
      const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${id}"]`);
      if (!video || video.readyState < 2) return 'loading';
      return video.dataset['ended'] === 'true' ? 'ended' : video.paused ? 'paused' : 'playing';
    }, 'picture');
    if (state === 'ended') await tab.click('again');
    if (state === 'playing') await tab.press(' ');
    return state === 'paused';
  });

/** To the first frame of a replay that stands still. */
async function rewound(tab: Tab): Promise<Strip> {
  await tab.evaluate((s) => {
    const scrub = document.querySelector<HTMLInputElement>(s);
    if (!scrub) throw new Error('no scrub');
    scrub.value = scrub.min;
    scrub.dispatchEvent(new Event('input', { bubbles: true }));
  }, '[data-testid="scrub"]');
  return stands(tab);
}

/** Waits until another camera than `camera` is on screen, and a second of it. */
async function turned(tab: Tab, camera: number | undefined): Promise<Sample[]> {
  await eventually('the new angle', () =>
    tab.evaluate((c) => window.probe.samples[window.probe.samples.length - 1]?.camera !== c, camera),
  );
  return recorded(tab, 25);
}

/** The ids of the angles that can be turned to, as the page orders them. */
const angleIds = (tab: Tab) =>
  tab.evaluate(
    (s) => [...document.querySelectorAll(s)].map((b) => b.getAttribute('data-testid') ?? ''),
    '[data-testid="turn"] button[aria-pressed]',
  );

/** The picture goes on: never back, and about a frame for each callback (a canvas may draw one of them twice). */
function expectAdvance(samples: readonly Sample[]): void {
  for (const [i, s] of samples.entries()) {
    const before = samples[i - 1];
    if (before) expect(s.frame).toBeGreaterThanOrEqual(before.frame);
  }
  const advance = (samples.at(-1)?.frame ?? NaN) - (samples[0]?.frame ?? NaN);
  expect(advance).toBeGreaterThanOrEqual(0.9 * (samples.length - 1));
}

/**
 * Which frame number belongs to the zero of a player's timeline: most samples' word. Here `currentTime` is
 * taken and not the media time: a canvas draws the frame that stands there, in Firefox up to one before.
 */
function zero(samples: readonly Sample[], fps: Rate): number {
  return mode(samples.map((s) => s.frame - Math.floor((s.currentTime * fps.num) / fps.den + 0.05)));
}

/** The fan's live picture plays, and a turn goes on at the same instant. */
export async function watchLive(tab: Tab, browser: string, fps: Rate): Promise<void> {
  await tab.goto('/');
  await plays(tab);
  const before = await record(tab, 75);
  expectAdvance(before);
  const age = percentile(
    before.map((s) => s.age),
    50,
  );
  console.log(`${browser}, fan live, glass to glass: median ${age} ms`);
  expect(age).toBeLessThan(8000);

  const [, second = ''] = await angleIds(tab);
  await tab.click(second);
  const camera = before.at(-1)?.camera;
  const after = await turned(tab, camera);
  expectAdvance(after);
  const turnedTo = after.filter((s) => s.camera !== camera);
  expect(zero(turnedTo, fps), 'the same instant').toBe(zero(before, fps));
}

/** Publishes a second and opens it from the feed; the frames that its first angle shows. */
async function openReplay(tab: Tab, title: string): Promise<number[]> {
  const { crew, fps } = await demo();
  await tab.goto('/');
  await plays(tab);
  const now = parseMicros((await crew.venue()).now ?? '');
  const highlight = await crew.publish({
    in: formatMicros(now - 5_000_000n),
    out: formatMicros(now - 4_100_000n),
    title,
  });
  await there(tab, `[data-testid="highlight-${highlight.id}"]`);
  await tab.click(`highlight-${highlight.id}`);
  await there(tab, '[data-testid="scrub"]');
  const [angle = ''] = await angleIds(tab);
  const playlist = await crew.playlist(highlight.urls.angles[angle.replace('angle-', '')] ?? '');
  return shown(held(playlist, fps), highlight, fps);
}

/** Each frame of a replay, from first to last. */
export async function watchFrames(tab: Tab, title: string): Promise<void> {
  const frames = await openReplay(tab, title);
  await halted(tab);
  const first = await rewound(tab);
  let last = first.frame;
  for (const offset of frames.slice(1)) {
    await tab.click('step-forward');
    last = await moved(tab, last);
    expect(last - first.frame, `frame ${offset}`).toBe(offset - (frames[0] ?? NaN));
  }
  // There is nothing after the last frame; played at full speed it ends on the same one.
  await rewound(tab);
  await tab.click('play');
  await there(tab, '[data-testid="state-ended"]');
  expect((await stands(tab)).frame, 'the frame it ends on').toBe(last);
}
