/** A page of another origin, the club's own app: what Chromium lets it read, and what it does not. */
import { expect, test } from 'vitest';
import { base, browser, Crew } from './browser';

test('a page of another origin reads lists, events, posters and media, and nothing as the crew', async () => {
  const plain = `http://${process.env['VIRAGE_PLAIN'] ?? ''}`;
  expect(new URL(plain).origin).not.toBe(new URL(base).origin);
  const [highlight] = (await (await Crew.open()).highlights()).filter((h) => h.state === 'published');
  const context = await (await browser()).newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  // A page without a policy of its own, from this machine as the other origin is: ours talk to their own host alone.
  await page.goto(`${plain}/livez`);
  const outcome = await page.evaluate(
    async ({ base, poster, playlist }) => {
      const read = (path: string, init: RequestInit = {}) =>
        fetch(base + path, init).then(
          (r) => r.status,
          () => 'refused',
        );
      const events = new Promise<string>((resolve) => {
        const source = new EventSource(`${base}/api/v1/events`);
        source.onopen = () => (source.close(), resolve('open'));
        source.onerror = () => (source.close(), resolve('refused'));
      });
      return {
        list: await read('/api/v1/highlights'),
        none: await read('/api/v1/highlights/h-none'),
        events: await events,
        poster: await read(poster),
        playlist: await read(playlist),
        cmcd: await read(playlist, { headers: { 'CMCD-Request': 'bl=2100', 'CMCD-Session': 'sid="a"' } }),
        personal: await read('/api/v1/highlights', { credentials: 'include' }),
        token: await read('/api/v1/highlights', { headers: { authorization: 'Bearer x' } }),
        write: await read('/api/v1/marks', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
        }),
      };
    },
    { base, poster: highlight?.urls.poster ?? '', playlist: highlight?.urls.multivariant ?? '' },
  );
  expect(outcome).toEqual({
    list: 200,
    none: 404,
    events: 'open',
    poster: 200,
    playlist: 200,
    cmcd: 200,
    personal: 'refused',
    token: 'refused',
    write: 'refused',
  });
  await context.close();
});
