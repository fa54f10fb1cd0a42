/** The HTTP API, typed as `docs/api.md` has it. */
import { parseMicros, type Micros, type Rate } from './time';

export interface Venue {
  name: string;
  fps: Rate;
  part_frames: number;
  segment_frames: number;
  ring: number;
  theme: { club?: string; accent?: string };
  crew: boolean;
  now: string | null;
}

export type CameraState = 'connecting' | 'live' | 'lost' | 'refused' | 'paused';

export interface Camera {
  id: string;
  name: string;
  /** Degrees clockwise round the pitch; null of the mosaic of all angles, which is nowhere. */
  bearing: number | null;
  /** Whose tiles the mosaic shows, row by row; null of any other camera. */
  tiles: { side: number; cameras: string[] } | null;
  state: CameraState;
  message: string | null;
  renditions: { id: string; width: number; height: number; codec: string; bandwidth: number }[];
  loose: number;
  /** What places its pictures. */
  time: 'rtcp' | 'rfc7273' | 'arrival';
  skew_ms: number | null;
  drift_ppm: number | null;
  /** What is wrong with its clock, for a person. */
  warning: string | null;
  urls: { live: string; plain: string; source?: string };
}

/** Whether any camera is on air. The mosaic shows only what others do. */
export function onAir(cameras: readonly Pick<Camera, 'state' | 'tiles'>[]): boolean {
  return cameras.some((camera) => camera.state === 'live' && !camera.tiles);
}

/** A camera's smallest picture alone, for a tile: with the sound it would be twice the requests. */
export function silent(camera: Pick<Camera, 'id' | 'renditions' | 'urls'>): string {
  const smallest = [...camera.renditions].sort((a, b) => a.bandwidth - b.bandwidth)[0];
  return smallest ? `/live/${camera.id}/${smallest.id}/index.m3u8` : camera.urls.live;
}

export interface Mark {
  id: string;
  kind: string;
  in: string;
  out: string;
  created: string;
}

export type HighlightState = 'draft' | 'growing' | 'published' | 'recalled';

export interface Highlight {
  id: string;
  state: HighlightState;
  title: string;
  kind: string | null;
  mark: string | null;
  in: string;
  out: string;
  duration: number;
  version: number;
  created: string;
  urls: { multivariant: string; player: string; poster: string; angles: Record<string, string> };
}

/** What a highlight shows: the frames from `in` up to, not with, `out`. Its media is whole segments. */
export function rangeOf(highlight: Highlight): { in: Micros; out: Micros } {
  return { in: parseMicros(highlight.in), out: parseMicros(highlight.out) };
}

/** A request that was refused or did not arrive; `detail` is a sentence for a person. */
export class Problem extends Error {
  constructor(
    /** HTTP status, 0 when no answer came. */
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail);
  }
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch {
    throw new Problem(0, '');
  }
  if (!response.ok) {
    const problem: unknown = await response.json().catch(() => null);
    const detail =
      problem && typeof problem === 'object' && 'detail' in problem ? String(problem.detail) : '';
    throw new Problem(response.status, detail || response.statusText || String(response.status));
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const id = encodeURIComponent;

export const api = {
  venue: () => request<Venue>('GET', 'venue'),
  cameras: async () => (await request<{ items: Camera[] }>('GET', 'cameras')).items,
  marks: async () => (await request<{ items: Mark[] }>('GET', 'marks')).items,
  mark: (body: { kind: string; before: number; after: number; at?: string }) =>
    request<Mark>('POST', 'marks', body),
  unmark: (mark: string) => request<void>('DELETE', `marks/${id(mark)}`),
  highlights: async (limit = 50) =>
    (await request<{ items: Highlight[] }>('GET', `highlights?limit=${limit}`)).items,
  highlight: (highlight: string) => request<Highlight>('GET', `highlights/${id(highlight)}`),
  publish: (body: {
    mark?: string;
    in?: string;
    out?: string;
    title?: string;
    angles?: string[];
    publish?: boolean;
  }) => request<Highlight>('POST', 'highlights', body),
  change: (highlight: string, body: { title?: string; angles?: string[]; publish?: boolean }) =>
    request<Highlight>('PATCH', `highlights/${id(highlight)}`, body),
};
