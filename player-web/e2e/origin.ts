/** Which frame is when, found without the page under test. */
import { demo, frames, halt, open, rewind, shown } from './browser';
import { framesToMicros, parseMicros, type Micros } from '../src/lib/time';

/**
 * A frame number and its wall clock, found without the desk: counted from the first segment's PROGRAM-DATE-TIME
 * in a highlight's playlist, and the strip of the first frame that is shown of it.
 */
export async function origin(): Promise<{ frame: number; utc: Micros }> {
  const { crew, fps } = await demo();
  const now = parseMicros((await crew.venue()).now ?? '');
  const cameras = await crew.cameras();
  const id = cameras.find((c) => c.state === 'live')?.id ?? '';
  const highlight = await crew.publish({
    in: new Date(Number(now / 1000n) - 6000).toISOString(),
    out: new Date(Number(now / 1000n) - 4000).toISOString(),
    title: 'origin',
    angles: [id],
  });
  const { page, context } = await open(`/#/h/${highlight.id}`);
  await halt(page);
  const { frame } = await rewind(page);
  const held = frames(await crew.playlist(highlight.urls.angles[id] ?? ''), fps);
  const [first = NaN] = shown(held, highlight, fps);
  await context.close();
  return { frame, utc: held.begin + framesToMicros(first, fps) };
}
