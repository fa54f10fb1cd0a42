import { describe, expect, test } from 'vitest';
import { angle, angles, initial, nextSound, reduce, stage, type Event, type State } from '../src/fan/store';
import type { ServerEvent } from '../src/lib/events';
import { words } from '../src/lib/i18n';
import { camera, highlight, snapshot, venue } from './fixtures';

const run = (...events: Event[]): State => events.reduce(reduce, initial);
const loaded: Event[] = [
  { type: 'venue', venue },
  { type: 'cameras', cameras: [camera('north', 90), camera('main', 0)] },
  { type: 'highlights', highlights: [] },
];
const seen: Event = { type: 'picture', picture: snapshot };
const published = (id: string, second = 0): Event => ({
  type: 'server',
  event: { kind: 'highlight.published', data: highlight(id, 'published', second) },
});
const recalled = (id: string): Event => ({
  type: 'server',
  event: { kind: 'highlight.recalled', data: { id, state: 'recalled' } },
});

describe('what the picture shows', () => {
  const cases: [string, Event[], ReturnType<typeof stage>][] = [
    ['nothing has answered yet', [], 'connecting'],
    ['the server does not answer', [{ type: 'unreachable' }], 'unreachable'],
    ['cameras, no picture yet', loaded, 'connecting'],
    ['live', [...loaded, seen], 'picture'],
    ['the API is away but the picture plays', [...loaded, seen, { type: 'unreachable' }], 'picture'],
    [
      'every camera is lost',
      [...loaded, { type: 'cameras', cameras: [camera('main', 0, 'lost')] }],
      'offline',
    ],
    [
      'every camera is lost, and the mosaic shows so',
      [
        ...loaded,
        {
          type: 'cameras',
          cameras: [
            camera('main', 0, 'lost'),
            { ...camera('multiview', null), tiles: { side: 2, cameras: ['main'] } },
          ],
        },
      ],
      'offline',
    ],
    ['a replay is being found', [...loaded, seen, { type: 'route', id: 'h-1' }], 'connecting'],
    [
      'a replay that is not there',
      [...loaded, { type: 'route', id: 'h-1' }, { type: 'gone', id: 'h-1' }],
      'gone',
    ],
    ['a replay', [...loaded, published('h-1'), { type: 'route', id: 'h-1' }, seen], 'picture'],
    [
      'a replay at its end',
      [
        ...loaded,
        published('h-1'),
        { type: 'route', id: 'h-1' },
        { type: 'picture', picture: { ...snapshot, ended: true } },
      ],
      'ended',
    ],
    [
      'a replay recalled while it plays',
      [...loaded, published('h-1'), { type: 'route', id: 'h-1' }, seen, recalled('h-1')],
      'gone',
    ],
    [
      'a picture that cannot be decoded',
      [...loaded, { type: 'picture', picture: { ...snapshot, failure: 'media' } }],
      'media',
    ],
    [
      'the media does not answer',
      [...loaded, { type: 'picture', picture: { ...snapshot, ready: false, failure: 'unreachable' } }],
      'unreachable',
    ],
  ];
  for (const [name, events, expected] of cases)
    test(name, () => expect(stage(run(...events))).toBe(expected));
});

describe('cameras that come and go', () => {
  const server = (event: ServerEvent): Event => ({ type: 'server', event });
  const ids = (state: State) => angles(state).map((a) => a.id);

  test('an angle that is added can be turned to, one that is removed is gone, without a reload', () => {
    let state = run(...loaded, server({ kind: 'camera.added', data: camera('south', 40, 'connecting') }));
    expect(ids(state)).toEqual(['main', 'south', 'north']);
    state = reduce(state, { type: 'angle', id: 'south' });
    expect(angle(state)).toBe('south');
    state = reduce(state, server({ kind: 'camera.changed', data: camera('south', 300) }));
    expect(ids(state)).toEqual(['main', 'north', 'south']);
    state = reduce(state, server({ kind: 'camera.removed', data: { id: 'south' } }));
    expect(ids(state)).toEqual(['main', 'north']);
    expect(angle(state)).toBe('main');
  });

  test('a paused angle is left for one that is live, and nobody is turned back when it returns', () => {
    let state = run(...loaded, { type: 'angle', id: 'north' });
    state = reduce(state, server({ kind: 'camera.changed', data: camera('north', 90, 'paused') }));
    expect(angle(state)).toBe('main');
    expect(angles(state).find((a) => a.id === 'north')?.state).toBe('paused');
    for (const back of ['connecting', 'live'] as const) {
      state = reduce(state, server({ kind: 'camera.state', data: camera('north', 90, back) }));
      expect(angle(state)).toBe('main');
    }
    state = reduce(state, { type: 'angle', id: 'north' });
    expect(angle(state)).toBe('north');
  });

  test('the first angle, which nobody chose, is not returned to either, nor from a replay', () => {
    const pause = (state: State) =>
      reduce(state, server({ kind: 'camera.changed', data: camera('main', 0, 'paused') }));
    const resume = (state: State) => reduce(state, server({ kind: 'camera.state', data: camera('main', 0) }));
    let state = pause(run(...loaded));
    expect(angle(state)).toBe('north');
    expect(angle(resume(state))).toBe('north');
    state = run(...loaded, published('h-1'), { type: 'route', id: 'h-1' });
    state = reduce(resume(pause(state)), { type: 'route', id: null });
    expect(angle(state)).toBe('north');
  });

  test('a removed camera keeps its replays', () => {
    let state = run(
      ...loaded,
      published('h-1'),
      { type: 'route', id: 'h-1' },
      { type: 'angle', id: 'north' },
    );
    state = reduce(state, server({ kind: 'camera.removed', data: { id: 'north' } }));
    expect(angle(state)).toBe('north');
  });

  test('the club may change its name and colour', () => {
    const theme = { club: 'Les Bleus', accent: '#80c0ff' };
    const state = run(...loaded, server({ kind: 'venue.changed', data: { name: 'Parc', theme } }));
    expect(state.venue).toEqual({ ...venue, name: 'Parc', theme });
  });

  test('what comes before the lists is in the lists', () => {
    expect(run(server({ kind: 'camera.removed', data: { id: 'main' } })).cameras).toBe(null);
  });
});

describe('the feed', () => {
  test('is newest first, without doubles, and loud only for what is new', () => {
    let state = run(...loaded, published('h-1', 1), published('h-2', 2), published('h-1', 1));
    expect(state.highlights?.map((h) => h.id)).toEqual(['h-2', 'h-1']);
    expect(state.fresh?.id).toBe('h-2');
    state = reduce(state, { type: 'faded', id: 'h-2' });
    expect(state.fresh).toBeNull();
    state = reduce(state, {
      type: 'server',
      event: { kind: 'highlight.updated', data: { ...highlight('h-1', 'published', 1), version: 2 } },
    });
    expect(state.fresh).toBeNull();
    expect(state.highlights?.[1]?.version).toBe(2);
  });

  test('drafts are nobody’s business', () => {
    const state = run(...loaded, {
      type: 'server',
      event: { kind: 'highlight.updated', data: highlight('h-1', 'draft') },
    });
    expect(state.highlights).toEqual([]);
  });

  test('a recall takes it away everywhere', () => {
    const state = run(...loaded, published('h-1'), recalled('h-1'));
    expect(state.highlights).toEqual([]);
    expect(state.fresh).toBeNull();
  });
});

describe('angles', () => {
  test('the one chosen, else the first that is live', () => {
    let state = run(...loaded);
    expect(angle(state)).toBe('main');
    state = reduce(state, { type: 'angle', id: 'north' });
    expect(angle(state)).toBe('north');
    state = run(...loaded, {
      type: 'server',
      event: { kind: 'camera.state', data: camera('main', 0, 'lost') },
    });
    expect(angle(state)).toBe('north');
  });

  test('a replay has its own, in the order of the turn, with cameras that have left too', () => {
    const state = run(
      ...loaded.slice(0, 1),
      { type: 'cameras', cameras: [camera('main', 0)] },
      published('h-1'),
      { type: 'route', id: 'h-1' },
    );
    expect(angles(state).map((a) => a.id)).toEqual(['main', 'north']);
  });

  test('the angle chosen in live is kept in the replay, and back', () => {
    let state = run(
      ...loaded,
      published('h-1'),
      { type: 'angle', id: 'north' },
      { type: 'route', id: 'h-1' },
    );
    expect(angle(state)).toBe('north');
    state = reduce(state, { type: 'route', id: null });
    expect(angle(state)).toBe('north');
  });
});

test('both languages say everything', () => {
  expect(Object.keys(words.en)).toEqual(Object.keys(words.fr));
});

test('the next sound is the one after, round and round; of one there is none', () => {
  const sounds = ['Stade', 'Commentaires', 'English'].map((name) => ({ name, language: null }));
  const after = (sound: string | null) => nextSound({ sounds, sound });
  expect(['Stade', 'Commentaires', 'English', null].map(after)).toEqual([
    'Commentaires',
    'English',
    'Stade',
    'Stade',
  ]);
  expect(nextSound({ sounds: sounds.slice(0, 1), sound: 'Stade' })).toBeNull();
  expect(run({ type: 'sound', name: 'English' }).sound).toBe('English');
});
