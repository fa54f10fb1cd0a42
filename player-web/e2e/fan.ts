import { describe, expect, test } from 'vitest';
import {
  demo,
  frames as held,
  halt,
  instant,
  open,
  PHONE,
  playing,
  record,
  rewind,
  shown,
  stepped,
  still,
  visit,
  type Opened,
} from './browser';
import { mode, percentile } from './strip';
import { formatMicros, framesToMicros, parseMicros } from '../src/lib/time';

const { crew, fps } = await demo();

const fan = (run: (opened: Opened) => Promise<void>, path = '/') =>
  visit(open(path, { viewport: PHONE }), run);

describe('live', () => {
  test('plays, and glass to glass is measured from the strip', () =>
    fan(async ({ page }) => {
      await playing(page);
      const samples = await record(page, 150);
      const ages = samples.map((s) => s.age);
      console.log(
        `fan live, glass to glass: median ${percentile(ages, 50)} ms, p95 ${percentile(ages, 95)} ms, ` +
          `max ${Math.max(...ages)} ms over ${ages.length} frames`,
      );
      expect(percentile(ages, 50)).toBeLessThan(8000);
      for (const [i, s] of samples.entries()) {
        const before = samples[i - 1];
        if (before) expect(s.frame).toBeGreaterThan(before.frame);
      }
    }));

  test('an angle switch goes on at the same instant and leaves the sound alone', () =>
    fan(async ({ page }) => {
      await playing(page);
      await page.getByTestId('sound-on').click();
      await page.evaluate(() => {
        const video = document.querySelector<HTMLVideoElement & { captureStream(): MediaStream }>('video');
        if (!video) throw new Error('no video');
        const audio = new AudioContext();
        const tap = audio.createScriptProcessor(1024, 1, 1);
        const heard: { now: number; ms: number; silent: boolean }[] = [];
        tap.onaudioprocess = (event) => {
          const samples = event.inputBuffer.getChannelData(0);
          const ms = event.inputBuffer.duration * 1000;
          heard.push({ now: performance.now(), ms, silent: samples.every((x) => Math.abs(x) < 1e-5) });
        };
        audio.createMediaStreamSource(video.captureStream()).connect(tap);
        tap.connect(audio.destination);
        Object.assign(window, { heard });
      });
      await page.evaluate(() => window.probe.record('picture'));
      await page.waitForFunction(() => window.probe.samples.length > 50);
      const buttons = page.locator('[data-testid="turn"] button[aria-pressed]');
      const ids = await buttons.evaluateAll((all) => all.map((b) => b.getAttribute('data-testid') ?? ''));
      expect(ids.length).toBeGreaterThan(1);

      for (const id of [...ids.slice(1), ids[0] ?? '']) {
        const start = await page.evaluate(() => ({
          now: performance.now(),
          camera: window.probe.samples[window.probe.samples.length - 1]?.camera,
        }));
        await page.getByTestId(id).click();
        await page.waitForFunction(
          (camera) => window.probe.samples[window.probe.samples.length - 1]?.camera !== camera,
          start.camera,
          { timeout: 8000 },
        );
        const seen = (await page.evaluate(() => window.probe.samples.length)) + 25;
        await page.waitForFunction((n) => window.probe.samples.length >= n, seen);
        const after = await page.evaluate((from) => {
          const audio = window.probe.buffers.filter((b) => b.mime.startsWith('audio')).at(-1)?.buffer;
          const video = document.querySelector('video');
          const ranges = audio
            ? [...Array(audio.buffered.length).keys()].map((i) => [
                audio.buffered.start(i),
                audio.buffered.end(i),
              ])
            : [];
          return {
            samples: window.probe.samples.filter((s) => s.now > from - 200),
            removed: window.probe.removed.filter((r) => r.at > from && r.mime.startsWith('audio')),
            ranges,
            time: video?.currentTime ?? 0,
            heard: (window as unknown as { heard: { now: number; ms: number; silent: boolean }[] }).heard,
          };
        }, start.now);

        // The picture: whichever camera it is, the frame belongs to the media time. (A canvas read late may
        // already draw a later frame: what was played meanwhile.)
        const shift = (s: { frame: number; mediaTime: number }) =>
          s.frame - Math.round((s.mediaTime * fps.num) / fps.den);
        const turned = after.samples.filter((s) => s.camera !== start.camera);
        const zero = mode(after.samples.filter((s) => s.camera === start.camera).map(shift));
        expect(mode(turned.map(shift)), `${id}: the same instant`).toBe(zero);
        let cut = 0;
        for (const [i, s] of after.samples.entries()) {
          expect(shift(s) - zero, `at ${s.mediaTime}`).toBeGreaterThanOrEqual(0);
          expect(shift(s) - zero, `at ${s.mediaTime}, read ${s.late} ms late`).toBeLessThanOrEqual(
            1 + Math.ceil((s.late / 1000) * (fps.num / fps.den)),
          );
          const before = after.samples[i - 1];
          if (!before) continue;
          if (before.camera !== s.camera) cut = s.now - start.now;
          // currentTime never jumps: it moves with the clock, to a fifth of a second on a busy machine.
          const moved = s.currentTime - before.currentTime;
          expect(Math.abs(moved - (s.readAt - before.readAt) / 1000), `${id}: currentTime`).toBeLessThan(0.2);
        }
        console.log(`${id}: new angle on screen after ${Math.round(cut)} ms`);

        // The sound: one buffered range round the playhead, nothing ahead of it removed, no silence that
        // was not there before.
        expect(after.ranges.filter(([a = 0, b = 0]) => a <= after.time && b > after.time)).toHaveLength(1);
        expect(after.removed.filter((r) => r.end > after.time - 2)).toEqual([]);
        const listened = after.heard.filter((h) => h.now >= start.now).reduce((ms, h) => ms + h.ms, 0);
        expect(listened, `${id}: heard at all, ms`).toBeGreaterThan(
          0.7 * ((after.samples.at(-1)?.now ?? 0) - start.now),
        );
        let quiet = 0;
        for (const h of after.heard.filter((h) => h.now >= start.now)) {
          quiet = h.silent ? quiet + h.ms : 0;
          expect(quiet, `${id}: silence, ms`).toBeLessThan(100);
        }
      }
    }));

  test('another sound is chosen by hand and by key, and the picture goes on', () =>
    visit(
      open('/', {
        viewport: PHONE,
        // The demo has one sound: it is listed a second time, under another name.
        prepare: async (page) => {
          await page.route('**/live/plain.m3u8', async (route) => {
            const answer = await route.fetch();
            const twice = (line: string) =>
              `${line}\n${line
                .replace(/NAME="[^"]*"/, 'NAME="Commentary"')
                .replace('DEFAULT=YES', 'LANGUAGE="en",DEFAULT=NO')
                .replace('plain.m3u8', 'plain.m3u8?commentary')}`;
            const body = (await answer.text()).replace(/^#EXT-X-MEDIA:TYPE=AUDIO.*$/m, twice);
            await route.fulfill({ response: answer, body });
          });
        },
      }),
      async ({ page }) => {
        const asks = (query: string) =>
          page.waitForRequest((request) => request.url().endsWith(`/audio/ambient/plain.m3u8${query}`));
        await playing(page);
        await page.getByTestId('sound-on').click();
        await page.evaluate(() => window.probe.record('picture'));
        await page.getByTestId('sounds').click();
        await page.getByTestId('sound-1').waitFor();
        expect(await page.getByTestId('sound-1').textContent()).toMatch(/Commentary\s+anglais/);
        expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe(
          'sound-0',
        );
        const other = asks('?commentary');
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
        await other;
        await page.getByTestId('sound-1').waitFor({ state: 'detached' });
        // By key, back to the first; the picture has gone on, frame after frame.
        const first = asks('');
        await page.keyboard.press('l');
        await first;
        await page.waitForFunction(() => window.probe.samples.length > 50);
        const frames = (await page.evaluate(() => window.probe.samples)).map((s) => s.frame);
        expect(frames.every((frame, i) => i === 0 || frame > (frames[i - 1] ?? 0))).toBe(true);
        await page.getByTestId('sounds').click();
        await page.getByTestId('sound-off').click();
        await page.getByTestId('sound-on').waitFor();
      },
    ));

  test('goes back 30 seconds and back to live', () =>
    fan(async ({ page }) => {
      await playing(page);
      const before = (await record(page, 30)).at(-1);
      await page.getByTestId('picture').hover();
      await page.getByTestId('back-30').click();
      await page.getByTestId('to-live').waitFor();
      const back = (await record(page, 10)).at(-1);
      expect(back?.frame).toBeLessThan(before?.frame ?? 0);
      await page.getByTestId('to-live').click();
      await page.waitForFunction(
        (frame) => (window.probe.samples[window.probe.samples.length - 1]?.frame ?? 0) > frame,
        before?.frame ?? 0,
      );
    }));
});

describe('highlights', () => {
  test('a published highlight arrives without a reload and plays first frame to last on every angle', () =>
    fan(async ({ page }) => {
      await playing(page);
      await page.evaluate(() => Object.assign(window, { loaded: 'once' }));
      const venue = await crew.venue();
      const now = parseMicros(venue.now ?? '');
      const highlight = await crew.publish({
        in: formatMicros(now - 5_000_000n),
        out: formatMicros(now - 4_100_000n),
        title: 'Essai de bout en bout',
      });
      const asked = Date.now();
      const item = page.getByTestId(`highlight-${highlight.id}`);
      await item.waitFor();
      console.log(`in the fan's feed ${Date.now() - asked} ms after the answer to the publisher`);
      expect(await page.evaluate(() => (window as unknown as { loaded: string }).loaded)).toBe('once');

      await item.click();
      await page.getByTestId('scrub').waitFor();
      await halt(page);
      // One length everywhere: the feed's is the player's.
      const { in: from, out: to, duration } = highlight;
      expect(duration).toBeCloseTo(Number(parseMicros(to) - parseMicros(from)) / 1e6, 5);
      const span = await page
        .getByTestId('scrub')
        .evaluate((e: HTMLInputElement) => Number(e.max) - Number(e.min));
      // To the frame: where the media begin, players know no better.
      expect(Math.abs(span - duration)).toBeLessThan(fps.den / fps.num);
      expect(await page.getByTestId('time').textContent()).toMatch(/ \/ 0:00$/);
      expect(await item.textContent()).toContain('0:00');
      let known: { frame: number; utc: bigint } | null = null;
      for (const [id, url] of Object.entries(highlight.urls.angles)) {
        const playlist = held(await crew.playlist(url), fps);
        const { begin } = playlist;
        // Whole segments round [in, out), with less than one to spare at either end.
        const second = (venue.segment_frames * fps.den) / fps.num;
        const spare = Number(parseMicros(highlight.in) - begin) / 1e6;
        expect(spare).toBeGreaterThanOrEqual(0);
        expect(spare).toBeLessThan(second);
        const whole = playlist.frames.length * (fps.den / fps.num);
        expect(whole).toBeGreaterThanOrEqual(spare + 0.9);
        expect(whole).toBeLessThan(0.9 + 2 * second);
        // Of which the frames from in to out are shown.
        const frames = shown(playlist, highlight, fps);
        expect(frames.length).toBe(Math.round((duration * fps.num) / fps.den));

        await page.getByTestId(`angle-${id}`).click();
        await page.waitForFunction((a) => document.querySelector('video')?.dataset['angle'] === a, id);
        await page.evaluate(() => window.probe.record('picture'));
        const first = (await rewind(page)).frame;
        const at = begin + framesToMicros(frames[0] ?? NaN, fps);
        known ??= { frame: first, utc: at };
        expect(instant(first, known, fps), `${id}: the first frame is the one at in`).toBe(at);
        expect(Math.abs(Number(at - parseMicros(from)))).toBeLessThan(1000);
        let last = first;
        for (const offset of frames.slice(1)) {
          ({ frame: last } = await stepped(page, () => page.getByTestId('step-forward').click()));
          expect(last - first, `${id}: frame ${offset}`).toBe(offset - (frames[0] ?? NaN));
        }
        // There is nothing after the last frame; played at full speed it ends on the same one.
        await rewind(page);
        await page.evaluate(() => window.probe.record('picture'));
        await page.getByTestId('play').click();
        await page.getByTestId('state-ended').waitFor();
        expect((await still(page)).frame, `${id}: the frame it ends on`).toBe(last);
        await page.getByTestId('again').click();
        await halt(page);
        console.log(`${id}: ${frames.length} frames, from ${first} to ${last}`);
      }
    }));

  test('a link opens the moment, an unknown one says so and leads to live', () =>
    fan(async ({ page }) => {
      await page.getByTestId('state-gone').waitFor();
      await page.getByTestId('state-action').click();
      await playing(page);
      expect(await page.evaluate(() => location.hash)).toBe('');
    }, '/#/h/h-does-not-exist'));
});
