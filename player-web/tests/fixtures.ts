import type { Camera, Highlight, Mark, Venue } from '../src/lib/api';
import type { Snapshot } from '../src/lib/player';

export const venue: Venue = {
  name: 'Stade Virage',
  fps: { num: 25, den: 1 },
  part_frames: 5,
  segment_frames: 25,
  ring: 10800,
  theme: { club: 'Le Club', accent: '#ff5a36' },
  crew: true,
  now: '2026-11-22T19:03:12.040000Z',
};

export const camera = (id: string, bearing: number | null, state: Camera['state'] = 'live'): Camera => ({
  id,
  name: id,
  bearing,
  tiles: null,
  state,
  message: null,
  renditions: [],
  loose: 0,
  time: 'arrival',
  skew_ms: null,
  drift_ppm: null,
  warning: null,
  urls: { live: `/live/${id}/index.m3u8`, plain: `/live/${id}/plain.m3u8` },
});

export const mark = (id: string, second = 0): Mark => ({
  id,
  kind: 'goal',
  in: `2026-11-22T19:03:0${second}.000000Z`,
  out: `2026-11-22T19:03:1${second}.000000Z`,
  created: `2026-11-22T19:03:1${second}.000000Z`,
});

export const highlight = (
  id: string,
  state: Highlight['state'] = 'published',
  second = 0,
  from: string | null = null,
): Highlight => ({
  id,
  state,
  title: 'But',
  kind: 'goal',
  mark: from,
  in: `2026-11-22T19:03:0${second}.000000Z`,
  out: `2026-11-22T19:03:1${second}.000000Z`,
  duration: 10,
  version: 1,
  created: `2026-11-22T19:03:1${second}.500000Z`,
  urls: {
    multivariant: `/highlights/${id}/index.m3u8`,
    player: `/highlights/${id}/player.m3u8`,
    poster: `/highlights/${id}/poster.jpg`,
    angles: { main: `/highlights/${id}/main/index.m3u8`, north: `/highlights/${id}/north/index.m3u8` },
  },
});

export const snapshot: Snapshot = {
  angle: 'main',
  turning: false,
  ready: true,
  paused: false,
  blocked: false,
  muted: true,
  sounds: [],
  sound: null,
  buffering: false,
  ended: false,
  rate: 1,
  time: 1,
  start: 0,
  end: 10,
  held: false,
  behind: 0,
  failure: null,
};
