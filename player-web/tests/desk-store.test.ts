import { describe, expect, test } from 'vitest';
import {
  angle,
  angleIds,
  current,
  initial,
  moments,
  publication,
  reduce,
  selected,
  type Event,
  type State,
} from '../src/desk/store';
import { across, ticks } from '../src/desk/ruler';
import type { ServerEvent } from '../src/lib/events';
import { parseMicros } from '../src/lib/time';
import { camera, highlight, mark, venue } from './fixtures';

const run = (...events: Event[]): State => events.reduce(reduce, initial);
const loaded: Event = {
  type: 'loaded',
  venue,
  cameras: [camera('north', 90), camera('main', 0)],
  marks: [],
  highlights: [],
};
const at = (text: string) => parseMicros(`2026-11-22T19:03:${text}Z`);

describe('moments', () => {
  test('a mark, then the highlight made of it, in one place', () => {
    let state = run(loaded, { type: 'marked', mark: mark('m-1') });
    expect(moments(state).map((m) => [m.id, m.stage])).toEqual([['m-1', 'marked']]);
    expect(state.selected).toBe('m-1');
    state = reduce(state, {
      type: 'published',
      highlight: highlight('h-1', 'growing', 0, 'm-1'),
      from: 'm-1',
    });
    expect(moments(state).map((m) => [m.id, m.stage])).toEqual([['h-1', 'growing']]);
    expect(state.selected).toBe('h-1');
  });

  test('states have their stage', () => {
    const state = run({
      ...loaded,
      highlights: [
        highlight('a', 'draft', 4),
        highlight('b', 'growing', 3),
        highlight('c', 'published', 2),
        highlight('d', 'recalled', 1),
      ],
    });
    expect(moments(state).map((m) => m.stage)).toEqual(['draft', 'growing', 'published', 'recalled']);
  });

  test('the answer and the event of one mark are one mark', () => {
    const state = run(
      loaded,
      { type: 'marked', mark: mark('m-1') },
      { type: 'server', event: { kind: 'mark.created', data: mark('m-1') } },
    );
    expect(moments(state)).toHaveLength(1);
  });

  test('another desk’s marks come without taking the selection', () => {
    const state = run(
      loaded,
      { type: 'marked', mark: mark('m-1') },
      { type: 'server', event: { kind: 'mark.created', data: mark('m-2', 2) } },
    );
    expect(moments(state).map((m) => m.id)).toEqual(['m-2', 'm-1']);
    expect(state.selected).toBe('m-1');
  });

  test('up and down stay in the list', () => {
    let state = run(
      loaded,
      { type: 'marked', mark: mark('m-1', 1) },
      { type: 'marked', mark: mark('m-2', 2) },
    );
    state = reduce(state, { type: 'move', by: 1 });
    expect(state.selected).toBe('m-1');
    state = reduce(state, { type: 'move', by: 1 });
    expect(state.selected).toBe('m-1');
    state = reduce(state, { type: 'move', by: -5 });
    expect(state.selected).toBe('m-2');
  });
});

describe('in and out', () => {
  test('with nothing selected they make a range that can be published', () => {
    let state = run(loaded, { type: 'edit', edit: { in: at('05') } });
    expect(publication(state)).toBeNull();
    state = reduce(state, { type: 'edit', edit: { out: at('09') } });
    expect(publication(state)).toMatchObject({ mark: null, range: { in: at('05'), out: at('09') } });
  });

  test('a mark is published by its id; moved, with the range that it moved to', () => {
    let state = run(loaded, { type: 'marked', mark: mark('m-1') });
    expect(publication(state)).toMatchObject({ mark: 'm-1', range: null });
    state = reduce(state, { type: 'nudge', point: 'in', frames: 1 });
    expect(current(state).in).toBe(at('00.040'));
    expect(publication(state)).toMatchObject({ mark: 'm-1', range: { in: at('00.040'), out: at('10') } });
    state = reduce(state, { type: 'nudge', point: 'in', frames: -1 });
    expect(publication(state)).toMatchObject({ mark: 'm-1', range: null });
  });

  test('on a highlight they begin a new range: what is published does not move', () => {
    const state = run(
      { ...loaded, highlights: [highlight('h-1')] },
      { type: 'select', id: 'h-1' },
      { type: 'edit', edit: { in: at('05') } },
    );
    expect(state.selected).toBeNull();
    expect(current(state)).toMatchObject({ in: at('05'), out: null });
  });

  test('an out before the in starts over', () => {
    const state = run(
      loaded,
      { type: 'edit', edit: { in: at('05') } },
      { type: 'edit', edit: { out: at('09') } },
      { type: 'edit', edit: { in: at('20') } },
    );
    expect(current(state)).toMatchObject({ in: at('20'), out: null });
  });

  test('after publishing the free range is empty again', () => {
    const state = run(
      loaded,
      { type: 'edit', edit: { in: at('05'), out: at('09') } },
      { type: 'published', highlight: highlight('h-1'), from: null },
      { type: 'select', id: null },
    );
    expect(current(state)).toEqual({ in: null, out: null, title: null, angles: null });
  });
});

describe('undo', () => {
  test('is a stack of what this desk did, without what is gone', () => {
    let state = run(loaded, { type: 'marked', mark: mark('m-1') }, { type: 'marked', mark: mark('m-2', 2) });
    expect(state.undo).toEqual([
      { undo: 'mark', id: 'm-1' },
      { undo: 'mark', id: 'm-2' },
    ]);
    state = reduce(state, {
      type: 'published',
      highlight: highlight('h-2', 'published', 2, 'm-2'),
      from: 'm-2',
    });
    expect(state.undo.at(-1)).toEqual({ undo: 'publish', id: 'h-2' });
    expect(state.undo).toHaveLength(2);
    state = reduce(state, { type: 'server', event: { kind: 'mark.deleted', data: { id: 'm-1' } } });
    expect(state.undo).toEqual([{ undo: 'publish', id: 'h-2' }]);
    state = reduce(state, { type: 'undone' });
    expect(state.undo).toEqual([]);
  });
});

describe('angles', () => {
  test('the programme keeps to the chosen one while it is there', () => {
    let state = run(loaded);
    expect(angle(state)).toBe('main');
    state = reduce(state, { type: 'angle', id: 'north' });
    expect(angle(state)).toBe('north');
    state = reduce(state, {
      type: 'server',
      event: { kind: 'camera.state', data: camera('north', 90, 'lost') },
    });
    expect(angle(state)).toBe('north');
  });

  test('come, change and go while the desk is open', () => {
    const server = (event: ServerEvent): Event => ({ type: 'server', event });
    const south = camera('south', 40, 'connecting');
    let state = run(loaded, server({ kind: 'camera.added', data: south }));
    expect(angleIds(state)).toEqual(['main', 'south', 'north']);
    state = reduce(state, { type: 'angle', id: 'south' });
    state = reduce(state, server({ kind: 'camera.changed', data: { ...south, state: 'paused' } }));
    expect(angle(state)).toBe('main');
    expect(angleIds(state)).toContain('south');
    state = reduce(state, server({ kind: 'camera.changed', data: { ...south, state: 'live' } }));
    expect(angle(state)).toBe('main');
    state = reduce(state, { type: 'angle', id: 'south' });
    expect(angle(state)).toBe('south');
    state = reduce(state, server({ kind: 'camera.removed', data: { id: 'south' } }));
    expect(angleIds(state)).toEqual(['main', 'north']);
    const theme = { club: 'Les Bleus' };
    state = reduce(state, server({ kind: 'venue.changed', data: { name: 'Parc', theme } }));
    expect(state.venue).toEqual({ ...venue, name: 'Parc', theme });
  });

  test('a preview keeps the angle of a camera that was removed', () => {
    const state = run(
      { ...loaded, highlights: [highlight('h-1')] },
      { type: 'preview', id: 'h-1' },
      { type: 'server', event: { kind: 'camera.removed', data: { id: 'north' } } },
    );
    expect(angleIds(state)).toEqual(['main', 'north']);
  });

  test('a preview has the highlight’s', () => {
    const only = highlight('h-1');
    only.urls.angles = { north: 'x' };
    const state = run({ ...loaded, highlights: [only] }, { type: 'preview', id: 'h-1' });
    expect(angleIds(state)).toEqual(['north']);
    expect(angle(state)).toBe('north');
  });
});

test('a problem stands beside its action until that goes well', () => {
  let state = run(loaded, { type: 'problem', action: 'mark', detail: 'no' });
  expect(state.problems).toEqual({ mark: 'no' });
  state = reduce(state, { type: 'marked', mark: mark('m-1') });
  expect(state.problems).toEqual({});
});

test('recalled to readers without a token carries only the id', () => {
  const state = run(
    { ...loaded, highlights: [highlight('h-1')] },
    { type: 'select', id: 'h-1' },
    {
      type: 'server',
      event: { kind: 'highlight.recalled', data: { id: 'h-1', state: 'recalled' } },
    },
  );
  expect(selected(state)).toMatchObject({ stage: 'recalled', title: 'But' });
});

test('the ruler', () => {
  expect(across(70, 100, 60)).toBeCloseTo(50);
  expect(ticks(100, 60)).toEqual([40, 50, 60, 70, 80, 90, 100]);
  expect(ticks(100.5, 15)).toHaveLength(8);
});
