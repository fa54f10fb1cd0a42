/** The fan app's one store: state, and the requests that turn into events. */
import { api, Problem } from '../lib/api';
import { listen, Meanwhile, onceUp } from '../lib/events';
import { initial, reduce, type Event, type State } from './store';

/** How long a moment that has just arrived stays loud. */
const FRESH_MS = 8000;
const RETRY_MS = 4000;

/**
 * The truth is a plain variable: while Svelte takes an effect down, signals read as they were before, and an
 * event sent from there would undo the one that caused it.
 */
let state: State = initial;
let drawn = $state.raw<State>(initial);
const meanwhile = new Meanwhile();

export function app(): State {
  return drawn;
}

export function dispatch(event: Event): void {
  const before = state;
  drawn = state = reduce(state, event);
  if (event.type === 'server') {
    meanwhile.heard(event.event);
    if (event.event.kind === 'reset') void load();
  }
  if (event.type === 'route' && state.replay && !state.replay.highlight) void find(state.replay.id);
  if (state.fresh && state.fresh !== before.fresh) {
    const { id } = state.fresh;
    setTimeout(() => dispatch({ type: 'faded', id }), FRESH_MS);
  }
}

let retry: ReturnType<typeof setTimeout> | undefined;

/** Loads what the page is made of; events keep it fresh from there. */
export async function load(): Promise<void> {
  clearTimeout(retry);
  try {
    const [[venue, cameras, highlights], heard] = await meanwhile.during(() =>
      Promise.all([api.venue(), api.cameras(), api.highlights()]),
    );
    dispatch({ type: 'venue', venue });
    dispatch({ type: 'cameras', cameras });
    dispatch({ type: 'highlights', highlights });
    for (const event of heard) dispatch({ type: 'server', event });
  } catch {
    dispatch({ type: 'unreachable' });
    retry = setTimeout(load, RETRY_MS);
  }
}

async function find(id: string): Promise<void> {
  try {
    dispatch({ type: 'opened', highlight: await api.highlight(id) });
  } catch (problem) {
    if (problem instanceof Problem && problem.status >= 400 && problem.status < 500) {
      dispatch({ type: 'gone', id });
    } else {
      setTimeout(() => state.replay?.id === id && void find(id), RETRY_MS);
    }
  }
}

/** `#/h/{id}` of the address, or null. */
export function route(hash: string): string | null {
  return /^#\/h\/([a-z0-9-]{1,64})$/.exec(hash)?.[1] ?? null;
}

let pushed = false;

export function open(id: string): void {
  pushed = true;
  location.hash = `#/h/${id}`;
}

/** Leaves the replay: back where the viewer came from, or to the live page when they came by a link. */
export function close(): void {
  if (pushed) {
    pushed = false;
    history.back();
    return;
  }
  history.replaceState(null, '', location.pathname + location.search);
  dispatch({ type: 'route', id: null });
}

export function start(): () => void {
  const follow = () => dispatch({ type: 'route', id: route(location.hash) });
  addEventListener('hashchange', follow);
  follow();
  const up = onceUp(load);
  const stop = listen(
    (event) => dispatch({ type: 'server', event }),
    (line) => {
      up(line);
      dispatch({ type: 'line', up: line });
    },
  );
  return () => {
    removeEventListener('hashchange', follow);
    stop();
  };
}
