/** Which frame is when, found without the page under test. */
import { demo, frames, halt, open, rewind } from './browser';
import { parseMicros, type Micros } from '../src/lib/time';

/**
 * A frame number and its wall clock, found without the desk: the first segment's PROGRAM-DATE-TIME in a
 * highlight's playlist, and the strip of the first frame that it plays.
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
  const { begin } = frames(await crew.playlist(highlight.urls.angles[id] ?? ''), fps);
  await context.close();
  return { frame, utc: begin };
}
