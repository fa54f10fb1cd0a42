/** The server's events, typed. One EventSource; the browser resumes with Last-Event-ID by itself. */
import type { Camera, Highlight, Mark, Venue } from './api';
import { clockwise } from './turn';

export type ServerEvent =
  | { kind: 'mark.created'; data: Mark }
  | { kind: 'mark.deleted'; data: { id: string } }
  | { kind: 'highlight.created' | 'highlight.published' | 'highlight.updated'; data: Highlight }
  | { kind: 'highlight.recalled'; data: Highlight | { id: string; state: 'recalled' } }
  | { kind: 'camera.state' | 'camera.added' | 'camera.changed'; data: Camera }
  | { kind: 'camera.removed'; data: { id: string } }
  | { kind: 'venue.changed'; data: Pick<Venue, 'name' | 'theme'> }
  /** Too much was missed, or the line was down: load the lists anew. */
  | { kind: 'reset' };

const KINDS = [
  'mark.created',
  'mark.deleted',
  'highlight.created',
  'highlight.published',
  'highlight.updated',
  'highlight.recalled',
  'camera.state',
  'camera.added',
  'camera.changed',
  'camera.removed',
  'venue.changed',
] as const;

/** How long to wait before a line that the browser gave up is opened again. */
const REOPEN_MS = 3000;

/**
 * Listens until the returned function is called. `line` hears whether the line is up; when it comes back
 * after the browser closed it for good (a 502 from a proxy), a `reset` is heard first, for what was missed.
 */
export function listen(heard: (event: ServerEvent) => void, line: (up: boolean) => void): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = (again: boolean) => {
    source = new EventSource('/api/v1/events');
    source.onopen = () => {
      line(true);
      if (again) heard({ kind: 'reset' });
      again = false;
    };
    source.onerror = () => {
      line(false);
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(() => open(true), REOPEN_MS);
    };
    source.addEventListener('reset', () => heard({ kind: 'reset' }));
    for (const kind of KINDS) {
      source.addEventListener(kind, (message: MessageEvent<string>) => {
        try {
          heard({ kind, data: JSON.parse(message.data) } as ServerEvent);
        } catch {
          // An event this page cannot read: the lists hold the truth.
          heard({ kind: 'reset' });
        }
      });
    }
  };
  open(false);
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/** Lists that are on their way are older than what is heard meanwhile: that comes after them once more. */
export class Meanwhile {
  private readonly pending = new Set<ServerEvent[]>();

  heard(event: ServerEvent): void {
    if (event.kind !== 'reset') for (const events of this.pending) events.push(event);
  }

  /** What was loaded, and what was heard while it was. */
  async during<T>(load: () => Promise<T>): Promise<[T, ServerEvent[]]> {
    const events: ServerEvent[] = [];
    this.pending.add(events);
    try {
      return [await load(), events];
    } finally {
      this.pending.delete(events);
    }
  }
}

/** How long a page waits for its line before it loads its lists all the same. */
const PATIENCE_MS = 2000;

/** Loads once the line is up, so that nothing falls between the two, and without it when it does not come. */
export function onceUp(load: () => void): (up: boolean) => void {
  let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(() => {
    timer = undefined;
    load();
  }, PATIENCE_MS);
  return (up) => {
    if (!up || timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    load();
  };
}

/** `list` with `item` in place of its older self, or in front when new. Order is newest first. */
export function upsert<T extends { id: string; created: string }>(list: readonly T[], item: T): T[] {
  const at = list.findIndex((old) => old.id === item.id);
  if (at >= 0) return list.map((old, i) => (i === at ? item : old));
  const next = list.findIndex((old) => old.created <= item.created);
  return next < 0 ? [...list, item] : [...list.slice(0, next), item, ...list.slice(next)];
}

/** The cameras after an event, in the order of the turn; the same list when it is not about them. */
export function cameras<T extends readonly Camera[]>(list: T, event: ServerEvent): T | Camera[] {
  switch (event.kind) {
    case 'camera.state':
    case 'camera.added':
    case 'camera.changed':
      return clockwise([...without(list, event.data.id), event.data]);
    case 'camera.removed':
      return without(list, event.data.id);
    default:
      return list;
  }
}

/** `list` without `id`. */
export function without<T extends { id: string }>(list: readonly T[], id: string): T[] {
  return list.filter((item) => item.id !== id);
}
