import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NativePlayer } from '../src/lib/native-player';
import type { Snapshot } from '../src/lib/player';
import { parseMicros } from '../src/lib/time';

const rate = { num: 25, den: 1 };
const single = (angle: string) => `/h/${angle}/index.m3u8`;

/** A video element whose HLS is Apple's: a start date once its metadata is there, a rate that a load resets. */
function apple() {
  const video = document.createElement('video');
  let time = 0;
  let src = '';
  const state = { paused: true, rate: 1, readyState: 0, date: new Date(NaN), error: null as unknown, src };
  const define = (name: string, get: () => unknown, set?: (value: never) => void) =>
    Object.defineProperty(video, name, { configurable: true, get, ...(set ? { set } : {}) });
  define('paused', () => state.paused);
  define('readyState', () => state.readyState);
  define('error', () => state.error);
  define(
    'currentTime',
    () => time,
    (value: number) => (time = value),
  );
  define(
    'playbackRate',
    () => state.rate,
    (value: number) => (state.rate = value),
  );
  define(
    'src',
    () => src,
    (value: string) => {
      state.src = src = value;
      Object.assign(state, { rate: 1, readyState: 0, error: null });
      time = 0;
    },
  );
  let presented: VideoFrameRequestCallback = () => undefined;
  Object.assign(video, {
    requestVideoFrameCallback: (callback: VideoFrameRequestCallback) => (presented = callback),
    cancelVideoFrameCallback: () => undefined,
    getStartDate: () => state.date,
    load: () => undefined,
    play: () => {
      state.paused = false;
      return Promise.resolve();
    },
    pause: () => (state.paused = true),
  });
  /** Its playlist has come; the first frame's PROGRAM-DATE-TIME is `date`. */
  const loaded = (date: string) => {
    state.date = new Date(date);
    state.readyState = 4;
    video.dispatchEvent(new Event('loadedmetadata'));
  };
  /** The stream fails. */
  const fails = (code: number) => {
    state.error = { code };
    state.readyState = 0;
    video.dispatchEvent(new Event('error'));
  };
  /** A frame is on screen. */
  const shows = (mediaTime: number) => {
    time = mediaTime;
    presented(0, { mediaTime } as VideoFrameCallbackMetadata);
  };
  return { video, state, loaded, fails, shows };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('MediaError', { MEDIA_ERR_DECODE: 3 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a replay turned while it stands shows the same instant, whatever each angle begins with', () => {
  const { video, state, loaded, shows } = apple();
  const player = new NativePlayer(video, 'vod', rate, () => undefined);
  player.open({ url: '', single, angle: 'main' });
  expect(state.src).toBe('/h/main/index.m3u8');
  loaded('2026-11-22T19:03:00.000Z');
  player.pause();
  shows(3.2);
  const before = player.instant();
  player.turn('north');
  expect(state.src).toBe('/h/north/index.m3u8');
  expect(state.paused).toBe(true);
  loaded('2026-11-22T19:02:59.000Z');
  expect(video.currentTime).toBeCloseTo(4.22, 6);
  shows(4.2);
  expect(player.instant()).toBe(before);
});

test('a replay is shown from in to out, whatever whole segments hold, and once more from in', () => {
  const { video, state, loaded, shows } = apple();
  const ranges = { length: 1, start: () => 0, end: () => 5 };
  Object.defineProperty(video, 'seekable', { get: () => ranges });
  Object.defineProperty(video, 'buffered', { get: () => ranges });
  let snapshot: Snapshot | null = null;
  const player = new NativePlayer(video, 'vod', rate, (next) => (snapshot = next));
  const range = {
    in: parseMicros('2026-11-22T19:03:00.360000Z'),
    out: parseMicros('2026-11-22T19:03:03.000000Z'),
  };
  player.open({ url: '', single, angle: 'main', range });
  loaded('2026-11-22T19:03:00.000Z');
  expect(video.currentTime).toBeCloseTo(0.38, 6);
  const bounds = player.bounds();
  expect(bounds.start).toBeCloseTo(0.36, 6);
  expect(bounds.end).toBeCloseTo(3, 6);

  shows(2.92);
  expect(state.paused).toBe(false);
  // The last frame, or one that came after it unseen.
  shows(3.0);
  expect(state.paused).toBe(true);
  expect(video.currentTime).toBeCloseTo(2.98, 6);
  expect(snapshot).toMatchObject({ ended: true });
  shows(2.96);
  player.step(1);
  expect(video.currentTime).toBeCloseTo(2.98, 6);
  player.seek(9);
  expect(video.currentTime).toBeCloseTo(2.98, 6);
  expect(snapshot).toMatchObject({ ended: false });

  player.play();
  shows(2.96);
  expect(snapshot).toMatchObject({ ended: true });
  player.toggle();
  expect(video.currentTime).toBeCloseTo(0.38, 6);
  expect(state.paused).toBe(false);
  // A turn keeps the instant: it does not begin again.
  shows(1.2);
  player.turn('north');
  loaded('2026-11-22T19:02:59.000Z');
  expect(video.currentTime).toBeCloseTo(2.22, 6);
});

test('slow motion goes on over a turn', () => {
  const { video, state, loaded } = apple();
  const player = new NativePlayer(video, 'vod', rate, () => undefined);
  player.open({ url: '', single, angle: 'main' });
  loaded('2026-11-22T19:03:00.000Z');
  player.speed(0.25);
  player.turn('north');
  expect(state.rate).toBe(0.25);
  expect(state.paused).toBe(false);
});

test('live stays live over a turn: no seek', () => {
  const { video, loaded } = apple();
  const player = new NativePlayer(video, 'plain', rate, () => undefined);
  player.open({ url: '', single, angle: 'main' });
  loaded('2026-11-22T19:03:00.000Z');
  video.currentTime = 12;
  player.turn('north');
  loaded('2026-11-22T19:03:08.000Z');
  expect(video.currentTime).toBe(0);
});

test('a stream that failed is opened again, at the instant that was on screen', () => {
  const { video, state, loaded, fails, shows } = apple();
  let seen: Snapshot | null = null;
  const player = new NativePlayer(video, 'vod', rate, (snapshot) => (seen = snapshot));
  player.open({ url: '', single, angle: 'main' });
  loaded('2026-11-22T19:03:00.000Z');
  shows(3.2);
  fails(2);
  expect(seen).toMatchObject({ failure: 'unreachable' });
  vi.advanceTimersByTime(2000);
  expect(seen).toMatchObject({ failure: null });
  expect(state.src).toBe('/h/main/index.m3u8');
  loaded('2026-11-22T19:03:00.000Z');
  expect(video.currentTime).toBeCloseTo(3.22, 6);

  fails(3);
  expect(seen).toMatchObject({ failure: 'media' });
  player.destroy();
  state.src = '';
  vi.advanceTimersByTime(60_000);
  expect(state.src).toBe('');
});

test('paused past the frame last presented, the picture goes back to that frame', () => {
  const { video, loaded, shows } = apple();
  const player = new NativePlayer(video, 'vod', rate, () => undefined);
  player.open({ url: '', single, angle: 'main' });
  loaded('2026-11-22T19:03:00.000Z');
  shows(3.2);
  video.currentTime = 3.245;
  const before = player.instant();
  player.pause();
  expect(video.currentTime).toBeCloseTo(3.22, 6);
  expect(player.instant()).toBe(before);
});

test('a frame that is reported by its middle, after a seek there, is that frame', () => {
  const { video, loaded, shows } = apple();
  const player = new NativePlayer(video, 'vod', rate, () => undefined);
  player.open({ url: '', single, angle: 'main' });
  loaded('2026-11-22T19:03:00.000Z');
  shows(3.2);
  const before = player.instant() ?? 0n;
  for (const n of [1n, 2n, 3n]) {
    player.step(1);
    shows(video.currentTime);
    expect(player.instant()).toBe(before + n * 40_000n);
  }
});

test('the chosen sound is heard again after a turn, and one that is not there changes nothing', () => {
  const { video, loaded } = apple();
  const tracks = Object.assign(new EventTarget(), {
    list: [] as { label: string; language: string; enabled: boolean }[],
    [Symbol.iterator]: () => tracks.list[Symbol.iterator](),
  });
  Object.assign(video, { audioTracks: tracks });
  let seen: Snapshot | null = null;
  const player = new NativePlayer(video, 'plain', rate, (snapshot) => (seen = snapshot));
  const begin = () => {
    tracks.list = [
      { label: 'Stade', language: 'fr', enabled: true },
      { label: 'English', language: 'en', enabled: false },
    ];
    tracks.dispatchEvent(new Event('addtrack'));
    loaded('2026-11-22T19:03:00.000Z');
  };
  player.open({ url: '', single, angle: 'main' });
  begin();
  expect(seen).toMatchObject({
    sound: 'Stade',
    sounds: [{ name: 'Stade', language: 'fr' }, { name: 'English' }],
  });
  player.listen('English');
  expect(seen).toMatchObject({ sound: 'English' });
  player.turn('north');
  begin();
  expect(seen).toMatchObject({ sound: 'English' });
  player.listen('Deutsch');
  expect(seen).toMatchObject({ sound: 'English' });
});
