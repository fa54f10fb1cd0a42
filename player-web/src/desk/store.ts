/** The desk's state and its laws. Pure: events in, state out; `desk.svelte.ts` makes the requests. */
import type { Camera, Highlight, HighlightState, Mark, Venue } from '../lib/api';
import { cameras, upsert, without, type ServerEvent } from '../lib/events';
import type { Snapshot } from '../lib/player';
import { framesToMicros, parseMicros, type Micros } from '../lib/time';
import { clockwise } from '../lib/turn';
import { KINDS, type Kind } from './actions';

/** Where a moment stands: a mark that nothing was made of yet, or the state of the highlight, as the API has it. */
export type Stage = 'marked' | HighlightState;

/** A mark, or the highlight made of it, as the list shows it. */
export interface Moment {
  id: string;
  stage: Stage;
  kind: string | null;
  title: string;
  in: Micros;
  out: Micros;
  created: string;
  angles: string[] | null;
  highlight: Highlight | null;
}

/** What the inspector holds for the selected moment, or for in and out set with nothing selected. */
export interface Edit {
  in: Micros | null;
  out: Micros | null;
  title: string | null;
  /** Null: every angle. */
  angles: string[] | null;
}

export interface Guard {
  before: number;
  after: number;
}

export type Undo = { undo: 'mark'; id: string } | { undo: 'publish'; id: string };

export interface State {
  venue: Venue | null;
  cameras: Camera[];
  marks: Mark[];
  highlights: Highlight[];
  reachable: boolean | null;
  line: boolean;
  wanted: string | null;
  /** A moment's id, or null for the free range. */
  selected: string | null;
  /** By moment's id; the free range under `''`. */
  edits: Record<string, Edit>;
  guards: Record<Kind, Guard>;
  undo: Undo[];
  /** What went wrong, by the action that caused it. */
  problems: Record<string, string>;
  /** A highlight's id while it is previewed, null for live. */
  preview: string | null;
  programme: Snapshot | null;
  help: boolean;
}

export const initial: State = {
  venue: null,
  cameras: [],
  marks: [],
  highlights: [],
  reachable: null,
  line: false,
  wanted: null,
  selected: null,
  edits: {},
  guards: Object.fromEntries(KINDS.map(({ kind, before, after }) => [kind, { before, after }])) as Record<
    Kind,
    Guard
  >,
  undo: [],
  problems: {},
  preview: null,
  programme: null,
  help: false,
};

export type Event =
  | { type: 'loaded'; venue: Venue; cameras: Camera[]; marks: Mark[]; highlights: Highlight[] }
  | { type: 'venue'; venue: Venue }
  | { type: 'unreachable' }
  | { type: 'line'; up: boolean }
  | { type: 'server'; event: ServerEvent }
  | { type: 'angle'; id: string }
  | { type: 'marked'; mark: Mark }
  | { type: 'unmarked'; id: string }
  | { type: 'published'; highlight: Highlight; from: string | null }
  | { type: 'changed'; highlight: Highlight }
  | { type: 'select'; id: string | null }
  | { type: 'move'; by: number }
  | { type: 'edit'; edit: Partial<Edit> }
  | { type: 'nudge'; point: 'in' | 'out'; frames: number }
  | { type: 'guard'; kind: Kind; guard: Partial<Guard> }
  | { type: 'undone' }
  | { type: 'problem'; action: string; detail: string }
  | { type: 'preview'; id: string | null }
  | { type: 'programme'; programme: Snapshot | null }
  | { type: 'help' };

const UNDO_DEPTH = 50;

export function reduce(state: State, event: Event): State {
  switch (event.type) {
    case 'loaded':
      return {
        ...state,
        venue: event.venue,
        cameras: clockwise(event.cameras),
        marks: event.marks,
        highlights: event.highlights,
        reachable: true,
      };
    case 'venue':
      return { ...state, venue: event.venue, reachable: true };
    case 'unreachable':
      return { ...state, reachable: false };
    case 'line':
      return { ...state, line: event.up };
    case 'server':
      return heard(state, event.event);
    case 'angle':
      return { ...state, wanted: event.id };
    case 'marked':
      return {
        ...without1(state, 'mark'),
        marks: upsert(state.marks, event.mark),
        selected: event.mark.id,
        undo: push(state.undo, { undo: 'mark', id: event.mark.id }),
      };
    case 'unmarked':
      return { ...forget(state, event.id), marks: without(state.marks, event.id) };
    case 'published': {
      const { highlight, from } = event;
      const edits = { ...state.edits };
      delete edits[from ?? ''];
      return {
        ...without1(state, 'publish'),
        edits,
        highlights: upsert(state.highlights, highlight),
        selected: highlight.id,
        undo: push(
          state.undo.filter((u) => u.id !== from),
          { undo: 'publish', id: highlight.id },
        ),
      };
    }
    case 'changed': {
      const edits = { ...state.edits };
      delete edits[event.highlight.id];
      return { ...state, edits, highlights: upsert(state.highlights, event.highlight), problems: {} };
    }
    case 'select':
      return { ...state, selected: event.id, problems: {} };
    case 'move': {
      const list = moments(state);
      const at = list.findIndex((m) => m.id === state.selected);
      const next = list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + event.by))];
      return next ? { ...state, selected: next.id, problems: {} } : state;
    }
    case 'edit':
      return edited(state, event.edit);
    case 'nudge': {
      const { venue } = state;
      const value = current(state)[event.point];
      if (!venue || value === null) return state;
      return edited(state, { [event.point]: value + framesToMicros(event.frames, venue.fps) });
    }
    case 'guard':
      return {
        ...without1(state, 'guard'),
        guards: { ...state.guards, [event.kind]: { ...state.guards[event.kind], ...event.guard } },
      };
    case 'undone':
      return { ...without1(state, 'undo'), undo: state.undo.slice(0, -1) };
    case 'problem':
      return { ...state, problems: { ...state.problems, [event.action]: event.detail } };
    case 'preview':
      return { ...state, preview: event.id };
    case 'programme':
      return { ...state, programme: event.programme };
    case 'help':
      return { ...state, help: !state.help };
  }
}

function push(stack: readonly Undo[], entry: Undo): Undo[] {
  return [...stack, entry].slice(-UNDO_DEPTH);
}

/** State without the problem of one action: it has just gone well. */
function without1(state: State, action: string): State {
  const problems = { ...state.problems };
  delete problems[action];
  return { ...state, problems };
}

/** State in which nothing points at a moment that is gone. */
function forget(state: State, id: string): State {
  const edits = { ...state.edits };
  delete edits[id];
  return {
    ...state,
    edits,
    selected: state.selected === id ? null : state.selected,
    undo: state.undo.filter((u) => u.id !== id),
  };
}

function edited(state: State, edit: Partial<Edit>): State {
  const selected = moments(state).find((m) => m.id === state.selected) ?? null;
  // In and out of a highlight are its own: setting them begins a new range.
  const fresh = selected?.highlight && ('in' in edit || 'out' in edit);
  const key = fresh || !selected ? '' : selected.id;
  const before = state.edits[key] ?? NOTHING;
  const next = { ...before, ...edit };
  // A new in after the out (or the other way round) begins a new range at this point.
  const base =
    key === '' ? next : { in: next.in ?? selected?.in ?? null, out: next.out ?? selected?.out ?? null };
  if (key === '' && base.in !== null && base.out !== null && base.out <= base.in) {
    if ('in' in edit) next.out = null;
    else next.in = null;
  }
  return {
    ...without1(state, 'publish'),
    selected: key === '' ? null : state.selected,
    edits: { ...state.edits, [key]: next },
  };
}

const NOTHING: Edit = { in: null, out: null, title: null, angles: null };

function heard(state: State, event: ServerEvent): State {
  switch (event.kind) {
    case 'camera.state':
    case 'camera.added':
    case 'camera.changed':
    case 'camera.removed':
      return moved(state, { ...state, cameras: cameras(state.cameras, event) });
    case 'venue.changed':
      return { ...state, venue: state.venue && { ...state.venue, ...event.data } };
    case 'mark.created':
      return { ...state, marks: upsert(state.marks, event.data) };
    case 'mark.deleted':
      return { ...forget(state, event.data.id), marks: without(state.marks, event.data.id) };
    case 'highlight.created':
    case 'highlight.published':
    case 'highlight.updated':
      return { ...state, highlights: upsert(state.highlights, event.data) };
    case 'highlight.recalled': {
      const { data } = event;
      const known = state.highlights.find((h) => h.id === data.id);
      const item = 'title' in data ? data : known && { ...known, state: 'recalled' as HighlightState };
      return item ? { ...state, highlights: upsert(state.highlights, item) } : state;
    }
    default:
      return state;
  }
}

/** Marks and highlights in one list, newest first; a mark that became a highlight is shown as that. */
export function moments(state: Pick<State, 'marks' | 'highlights'>): Moment[] {
  const used = new Set(state.highlights.map((h) => h.mark));
  const marked = state.marks
    .filter((m) => !used.has(m.id))
    .map((m): Moment => ({
      id: m.id,
      stage: 'marked',
      kind: m.kind,
      title: m.kind,
      in: parseMicros(m.in),
      out: parseMicros(m.out),
      created: m.created,
      angles: null,
      highlight: null,
    }));
  const made = state.highlights.map((h): Moment => ({
    id: h.id,
    stage: h.state,
    kind: h.kind,
    title: h.title,
    in: parseMicros(h.in),
    out: parseMicros(h.out),
    created: h.created,
    angles: Object.keys(h.urls.angles),
    highlight: h,
  }));
  return [...marked, ...made].sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
}

/** The selected moment. */
export function selected(state: State): Moment | null {
  return moments(state).find((m) => m.id === state.selected) ?? null;
}

/** What the inspector shows: the selected moment (or the free range) with what was edited on top. */
export function current(state: State): Edit {
  const moment = selected(state);
  const edit = state.edits[moment?.id ?? ''] ?? NOTHING;
  return {
    in: edit.in ?? moment?.in ?? null,
    out: edit.out ?? moment?.out ?? null,
    title: edit.title ?? moment?.title ?? null,
    angles: edit.angles ?? moment?.angles ?? null,
  };
}

/** The request that publishes what the inspector shows, or null when in or out is missing. */
export function publication(state: State): {
  mark: string | null;
  /** Null: the mark's own range. */
  range: { in: Micros; out: Micros } | null;
  title: string | null;
  angles: string[] | null;
} | null {
  const moment = selected(state);
  if (moment?.highlight) return null;
  const shown = current(state);
  if (shown.in === null || shown.out === null) return null;
  const moved = moment !== null && (shown.in !== moment.in || shown.out !== moment.out);
  return {
    mark: moment?.id ?? null,
    range: moment && !moved ? null : { in: shown.in, out: shown.out },
    title: shown.title,
    angles: shown.angles,
  };
}

/** The programme's angle: the one chosen while it exists, else the first that is live. */
export function angle(state: State): string | null {
  const ids = angleIds(state);
  const paused =
    state.preview === null && state.cameras.some((c) => c.id === state.wanted && c.state === 'paused');
  if (state.wanted !== null && ids.includes(state.wanted) && !paused) return state.wanted;
  const live = state.cameras.find((c) => c.state === 'live' && ids.includes(c.id));
  return live?.id ?? ids[0] ?? null;
}

/** Whoever watched an angle that was paused stays where that led them: nothing jumps when it is put back. */
function moved(before: State, after: State): State {
  const was = angle({ ...before, preview: null });
  const paused = after.cameras.some((c) => c.id === was && c.state === 'paused');
  return paused ? { ...after, wanted: angle({ ...after, preview: null }) } : after;
}

/** Angles that the programme can show, in the order of the turn. */
export function angleIds(state: State): string[] {
  const ids = state.cameras.map((c) => c.id);
  const shown = state.highlights.find((h) => h.id === state.preview);
  if (!shown) return ids;
  // A camera that was removed keeps its replays.
  const gone = Object.keys(shown.urls.angles).filter((id) => !ids.includes(id));
  return [...ids.filter((id) => id in shown.urls.angles), ...gone];
}
