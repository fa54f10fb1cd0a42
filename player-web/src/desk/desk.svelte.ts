/** The desk's one store: state, the requests that turn into events, and the programme's player. */
import { api, Problem } from '../lib/api';
import { listen, Meanwhile, onceUp } from '../lib/events';
import type { Player } from '../lib/player';
import { LiveLine } from '../lib/pace';
import { formatMicros, type Micros } from '../lib/time';
import { KINDS, type Action, type Kind } from './actions';
import { shuttle, stride, WALK_MS, type Shuttle, type ShuttleKey } from './shuttle';
import { angleIds, current, initial, publication, reduce, selected, type Event, type State } from './store';
import { kindName, w } from './words';

const RETRY_MS = 3000;

/** A plain variable is the truth: see `fan/app.svelte.ts`. */
let state: State = initial;
let drawn = $state.raw<State>(initial);
let speed = $state<Shuttle>(1);
/** The programme's player; tiles have their own. */
let programme: Player | null = null;
let walk: ReturnType<typeof setInterval> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let line: LiveLine | null = null;
const meanwhile = new Meanwhile();

export function desk(): State {
  return drawn;
}

export function shuttleSpeed(): Shuttle {
  return speed;
}

/** The live line that programme and tiles share: two parts behind the edge. */
export function liveLine(part: number): LiveLine {
  return (line ??= new LiveLine(2 * part + 0.04));
}

export function attach(player: Player | null): void {
  programme = player;
}

export function player(): Player | null {
  return programme;
}

export function dispatch(event: Event): void {
  drawn = state = reduce(state, event);
  if (event.type !== 'server') return;
  meanwhile.heard(event.event);
  if (event.event.kind === 'reset') void load();
}

export async function load(): Promise<void> {
  clearTimeout(retry);
  try {
    const venue = await api.venue();
    if (!venue.crew) {
      dispatch({ type: 'venue', venue });
      return;
    }
    const [[cameras, marks, highlights], heard] = await meanwhile.during(() =>
      Promise.all([api.cameras(), api.marks(), api.highlights(200)]),
    );
    dispatch({ type: 'loaded', venue, cameras, marks, highlights });
    for (const event of heard) dispatch({ type: 'server', event });
  } catch {
    dispatch({ type: 'unreachable' });
    retry = setTimeout(load, RETRY_MS);
  }
}

export function start(): () => void {
  const up = onceUp(load);
  return listen(
    (event) => dispatch({ type: 'server', event }),
    (line) => {
      up(line);
      dispatch({ type: 'line', up: line });
    },
  );
}

function refused(action: string, problem: unknown): void {
  const status = problem instanceof Problem ? problem.status : 0;
  const detail = status === 0 ? w.noAnswer : status === 401 ? w.signOut : (problem as Problem).detail;
  dispatch({ type: 'problem', action, detail });
  if (status === 401) void load();
}

/** Marks the frame that is on screen now. */
export async function mark(kind: Kind): Promise<void> {
  // Before anything else, and before any await: the frame the operator saw.
  const at = programme?.instant() ?? null;
  const { before, after } = state.guards[kind];
  if (at === null) {
    dispatch({ type: 'problem', action: 'mark', detail: w.noInstant });
    return;
  }
  try {
    dispatch({ type: 'marked', mark: await api.mark({ kind, before, after, at: formatMicros(at) }) });
  } catch (problem) {
    refused('mark', problem);
  }
}

/** Publishes what the inspector shows; a draft or a recalled highlight is published as it is. */
export async function publish(): Promise<void> {
  const moment = selected(state);
  if (moment?.highlight) {
    if (moment.stage === 'recalled' || moment.stage === 'draft') await change({ publish: true });
    else if (state.edits[moment.id]) await change({});
    return;
  }
  const request = publication(state);
  if (!request) {
    dispatch({ type: 'problem', action: 'publish', detail: w.notSet });
    return;
  }
  const title =
    request.title === null || request.title === moment?.kind ? kindName(moment?.kind ?? null) : request.title;
  try {
    const highlight = await api.publish({
      ...(request.mark === null ? {} : { mark: request.mark }),
      ...(request.range === null
        ? {}
        : { in: formatMicros(request.range.in), out: formatMicros(request.range.out) }),
      ...(title ? { title } : {}),
      ...(request.angles === null ? {} : { angles: request.angles }),
      publish: true,
    });
    dispatch({ type: 'published', highlight, from: moment?.id ?? null });
  } catch (problem) {
    refused('publish', problem);
  }
}

/** Title and angles of a highlight as edited, and whether it is published. */
export async function change(body: { publish?: boolean }): Promise<void> {
  const moment = selected(state);
  if (!moment?.highlight) return;
  const edit = state.edits[moment.id];
  try {
    const highlight = await api.change(moment.id, {
      ...(edit?.title ? { title: edit.title } : {}),
      ...(edit?.angles ? { angles: edit.angles } : {}),
      ...body,
    });
    dispatch({ type: 'changed', highlight });
  } catch (problem) {
    refused('publish', problem);
  }
}

/** Takes back the last thing this desk did. */
export async function undo(): Promise<void> {
  const last = state.undo[state.undo.length - 1];
  if (!last) {
    dispatch({ type: 'problem', action: 'undo', detail: w.nothingToUndo });
    return;
  }
  dispatch({ type: 'undone' });
  try {
    if (last.undo === 'mark') {
      await api.unmark(last.id);
      dispatch({ type: 'unmarked', id: last.id });
    } else {
      dispatch({ type: 'changed', highlight: await api.change(last.id, { publish: false }) });
    }
  } catch (problem) {
    refused('undo', problem);
  }
}

export function setPoint(point: 'in' | 'out'): void {
  const at = programme?.instant() ?? null;
  if (at === null) dispatch({ type: 'problem', action: 'publish', detail: w.noInstant });
  else dispatch({ type: 'edit', edit: { [point]: at } });
}

export function goTo(at: Micros | null): void {
  if (at === null || !programme) return;
  drive(0);
  programme.pause();
  const position = programme.clock.position(at);
  const { start: first, end } = programme.bounds();
  if (position === null || position < first - 0.02 || position > end) {
    dispatch({ type: 'problem', action: 'publish', detail: w.outOfReach });
    return;
  }
  programme.seekInstant(at);
}

/** Sets the shuttle's speed: forwards by rate, backwards by a walk of seeks. */
export function drive(next: Shuttle): void {
  clearInterval(walk);
  speed = next;
  if (!programme) return;
  if (next > 0) {
    programme.speed(next);
    programme.play();
    return;
  }
  programme.pause();
  programme.speed(1);
  if (next < 0) {
    walk = setInterval(() => {
      if (programme && !programme.video.seeking) programme.seek(programme.frame - stride(next));
    }, WALK_MS);
  }
}

export function toLive(): void {
  clearInterval(walk);
  speed = 1;
  if (state.preview !== null) dispatch({ type: 'preview', id: null });
  else programme?.live();
}

export function watch(id: string | null): void {
  clearInterval(walk);
  speed = 1;
  dispatch({ type: 'preview', id });
}

/** Does what a key or its button says. */
export function act(action: Action): void {
  const kind = KINDS.find((k) => action === `mark-${k.kind}`)?.kind;
  if (kind) {
    void mark(kind);
    return;
  }
  const angle = /^angle-(\d)$/.exec(action)?.[1];
  if (angle) {
    const id = state.cameras[Number(angle) - 1]?.id;
    if (id !== undefined && angleIds(state).includes(id)) dispatch({ type: 'angle', id });
    return;
  }
  switch (action) {
    case 'play':
      if (programme?.video.paused || speed < 0) drive(1);
      else drive(0);
      break;
    case 'reverse':
    case 'pause':
    case 'forward':
    case 'slow':
      // Live already plays as fast as there is anything to play.
      if (action === 'forward' && programme && !programme.held && !programme.video.paused) break;
      drive(shuttle(programme?.video.paused && speed > 0 ? 0 : speed, action as ShuttleKey));
      break;
    case 'step-back':
    case 'step-forward':
      clearInterval(walk);
      speed = 0;
      programme?.step(action === 'step-back' ? -1 : 1);
      break;
    case 'set-in':
      setPoint('in');
      break;
    case 'set-out':
      setPoint('out');
      break;
    case 'go-in':
      goTo(current(state).in);
      break;
    case 'go-out':
      goTo(current(state).out);
      break;
    case 'publish':
      void publish();
      break;
    case 'undo':
      void undo();
      break;
    case 'live':
      toLive();
      break;
    case 'sound':
      programme?.mute(!programme.video.muted);
      break;
    case 'select-up':
      dispatch({ type: 'move', by: -1 });
      break;
    case 'select-down':
      dispatch({ type: 'move', by: 1 });
      break;
    case 'help':
    case 'close-help':
      dispatch({ type: 'help' });
      break;
  }
}
