/** The fan app's state and its laws. Pure: events in, state out; `app.svelte.ts` makes the requests. */
import { onAir, type Camera, type Highlight, type Venue } from '../lib/api';
import { cameras, upsert, without, type ServerEvent } from '../lib/events';
import type { Snapshot } from '../lib/player';
import { clockwise } from '../lib/turn';

/** A camera as the turn draws it. */
export interface Angle {
  id: string;
  name: string;
  /** Null of the mosaic of all angles. */
  bearing: number | null;
  state: Camera['state'];
}

export interface State {
  venue: Venue | null;
  cameras: Camera[] | null;
  highlights: Highlight[] | null;
  /** The last answer, or its absence. */
  reachable: boolean | null;
  /** The line of events is up. */
  line: boolean;
  /** `#/h/{id}`: the replay that is open; `highlight` is null while it loads. */
  replay: { id: string; highlight: Highlight | null; gone: boolean } | null;
  /** The angle the viewer chose; null until then. */
  wanted: string | null;
  /** The sound the viewer chose, by its name; null until then. */
  sound: string | null;
  /** The highlight that has just arrived, shown loudly for a few seconds. */
  fresh: Highlight | null;
  picture: Snapshot | null;
}

export const initial: State = {
  venue: null,
  cameras: null,
  highlights: null,
  reachable: null,
  line: false,
  replay: null,
  wanted: null,
  sound: null,
  fresh: null,
  picture: null,
};

export type Event =
  | { type: 'venue'; venue: Venue }
  | { type: 'cameras'; cameras: Camera[] }
  | { type: 'highlights'; highlights: Highlight[] }
  | { type: 'unreachable' }
  | { type: 'line'; up: boolean }
  | { type: 'server'; event: ServerEvent }
  | { type: 'route'; id: string | null }
  | { type: 'opened'; highlight: Highlight }
  | { type: 'gone'; id: string }
  | { type: 'angle'; id: string }
  | { type: 'sound'; name: string }
  | { type: 'faded'; id: string }
  | { type: 'picture'; picture: Snapshot | null };

export function reduce(state: State, event: Event): State {
  switch (event.type) {
    case 'venue':
      return { ...state, venue: event.venue, reachable: true };
    case 'cameras':
      return { ...state, cameras: clockwise(event.cameras), reachable: true };
    case 'highlights':
      return { ...state, highlights: event.highlights, reachable: true };
    case 'unreachable':
      return { ...state, reachable: false };
    case 'line':
      return { ...state, line: event.up };
    case 'server':
      return heard(state, event.event);
    case 'route': {
      if (event.id === null) return { ...state, replay: null };
      const known = state.highlights?.find((h) => h.id === event.id) ?? null;
      return { ...state, replay: { id: event.id, highlight: known, gone: false }, fresh: null };
    }
    case 'opened':
      if (state.replay?.id !== event.highlight.id) return state;
      return { ...state, replay: { ...state.replay, highlight: event.highlight, gone: false } };
    case 'gone':
      return state.replay?.id === event.id ? { ...state, replay: { ...state.replay, gone: true } } : state;
    case 'angle':
      return { ...state, wanted: event.id };
    case 'sound':
      return { ...state, sound: event.name };
    case 'faded':
      return state.fresh?.id === event.id ? { ...state, fresh: null } : state;
    case 'picture':
      return { ...state, picture: event.picture };
  }
}

function heard(state: State, event: ServerEvent): State {
  switch (event.kind) {
    case 'camera.state':
    case 'camera.added':
    case 'camera.changed':
    case 'camera.removed':
      return moved(state, { ...state, cameras: state.cameras && cameras(state.cameras, event) });
    case 'venue.changed':
      return { ...state, venue: state.venue && { ...state.venue, ...event.data } };
    case 'highlight.published':
    case 'highlight.updated': {
      const item = event.data;
      if (item.state !== 'published' && item.state !== 'growing') return state;
      const known = state.highlights?.some((h) => h.id === item.id) ?? false;
      const replay = state.replay?.id === item.id ? { ...state.replay, highlight: item } : state.replay;
      return {
        ...state,
        highlights: upsert(state.highlights ?? [], item),
        replay,
        fresh: known || replay?.id === item.id ? state.fresh : item,
      };
    }
    case 'highlight.recalled': {
      const { id } = event.data;
      return {
        ...state,
        highlights: state.highlights && without(state.highlights, id),
        replay: state.replay?.id === id ? { ...state.replay, gone: true } : state.replay,
        fresh: state.fresh?.id === id ? null : state.fresh,
      };
    }
    default:
      return state;
  }
}

/**
 * Whoever watched an angle that was paused stays where that led them when it is put back: there is nothing to
 * play of the time that it was away.
 */
function moved(before: State, after: State): State {
  const was = angle({ ...before, replay: null });
  const paused = after.cameras?.some((c) => c.id === was && c.state === 'paused');
  return paused ? { ...after, wanted: angle({ ...after, replay: null }) } : after;
}

/** The angles that can be turned to now, clockwise. */
export function angles(state: State): Angle[] {
  const known = state.cameras ?? [];
  const highlight = state.replay?.highlight;
  if (!state.replay) return known;
  if (!highlight) return [];
  return clockwise(
    Object.keys(highlight.urls.angles).map((id, i, all) => {
      const camera = known.find((c) => c.id === id);
      // A camera that has left the configuration keeps its replays.
      return camera
        ? { id, name: camera.name, bearing: camera.bearing, state: 'live' as const }
        : { id, name: id, bearing: (i * 360) / all.length, state: 'live' as const };
    }),
  );
}

/** The angle to show: what the viewer chose while it is there, else the first that is live. */
export function angle(state: State): string | null {
  const ring = angles(state);
  // One that is lost may be back in a moment; one that is paused is taken out on purpose.
  const wanted = ring.find((a) => a.id === state.wanted && a.state !== 'paused');
  return (wanted ?? ring.find((a) => a.state === 'live') ?? ring[0])?.id ?? null;
}

/** The sound after the one that is heard; null where there is but one. */
export function nextSound(picture: Pick<Snapshot, 'sounds' | 'sound'>): string | null {
  const { sounds, sound } = picture;
  if (sounds.length < 2) return null;
  const at = sounds.findIndex((s) => s.name === sound);
  return sounds[(at + 1) % sounds.length]?.name ?? null;
}

/** What the picture area shows instead of, or over, the picture. */
export type Stage = 'connecting' | 'unreachable' | 'offline' | 'gone' | 'media' | 'ended' | 'picture';

export function stage(state: State): Stage {
  const { replay, picture } = state;
  if (replay?.gone || (replay && picture?.failure === 'gone')) return 'gone';
  if (state.reachable === false && !picture?.ready) return 'unreachable';
  if (!state.venue || !state.cameras || (replay && !replay.highlight)) return 'connecting';
  if (!replay && !onAir(state.cameras)) return 'offline';
  if (picture?.failure === 'media') return 'media';
  if (picture?.failure === 'unreachable' && !picture.ready) return 'unreachable';
  if (!picture?.ready) return 'connecting';
  if (replay && picture.ended) return 'ended';
  return 'picture';
}
