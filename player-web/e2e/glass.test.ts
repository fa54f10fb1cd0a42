/**
 * Glass to glass of Virage and its peers, in turns, read from the strip in one browser. The benches start the servers:
 * `GLASS_SOURCES` is a list of names and addresses (an empty one is Virage's desk), `GLASS_PAGE` the page that plays one
 * with hls.js, `GLASS_ROUNDS` and `GLASS_SECONDS` how often and how long, `GLASS_OUT` the file for what was seen.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, test } from 'vitest';
import { browser, open, openDesk, playing, record, type Opened } from './browser';
import { percentile } from './strip';

interface Source {
  name: string;
  url: string;
}

interface Seen {
  name: string;
  p50: number | null;
  p95: number | null;
  frames: number;
  why?: string;
}

function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const FPS = 25;
/** Seconds until a player is where it wants to be behind live. */
const SETTLE = 6;

/** The page plays any origin's stream; the benches' own files are on another address than Virage's. */
async function openPlain(url: string): Promise<Opened> {
  const opened = await open('/favicon.svg');
  await opened.page.goto(`${env('GLASS_PAGE')}?src=${encodeURIComponent(url)}`);
  return opened;
}

async function look({ name, url }: Source, seconds: number): Promise<Seen> {
  const opened = url ? await openPlain(url) : await openDesk();
  try {
    await playing(opened.page);
    await record(opened.page, SETTLE * FPS);
    const ages = (await record(opened.page, seconds * FPS)).map((s) => s.age);
    return { name, p50: percentile(ages, 50), p95: percentile(ages, 95), frames: ages.length };
  } catch (error) {
    // A peer that does not play is a finding, not the end of the measurement.
    return { name, p50: null, p95: null, frames: 0, why: String(error).split('\n')[0] ?? '' };
  } finally {
    await opened.context.close();
  }
}

test('glass to glass, in turns', async () => {
  const sources = JSON.parse(env('GLASS_SOURCES')) as Source[];
  const seen: Seen[] = [];
  for (let round = 0; round < Number(env('GLASS_ROUNDS')); round++) {
    for (const source of sources) {
      const one = await look(source, Number(env('GLASS_SECONDS')));
      console.log(
        `${one.name}: median ${one.p50} ms, p95 ${one.p95} ms over ${one.frames} frames ${one.why ?? ''}`,
      );
      seen.push(one);
    }
  }
  writeFileSync(env('GLASS_OUT'), JSON.stringify(seen));
});

afterAll(async () => (await browser()).close());
