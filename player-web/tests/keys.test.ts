import { afterEach, describe, expect, test, vi } from 'vitest';
import { BINDINGS, HELP_BINDINGS, KINDS, keyOf, type Action } from '../src/desk/actions';
import { bind, isTyping, match, nameOf, type KeyPress } from '../src/lib/keys';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  shiftKey: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  ...more,
});

describe('every key of the desk', () => {
  const cases: [KeyPress, Action | null, string[]?][] = [
    [press('g'), 'mark-goal'],
    [press('s'), 'mark-save'],
    [press('f'), 'mark-foul'],
    [press('c'), 'mark-card'],
    [press('r'), 'mark-corner'],
    [press('a'), 'mark-action'],
    [press('1', { code: 'Digit1' }), 'angle-1'],
    [press('&', { code: 'Digit1' }), 'angle-1'],
    [press('9', { code: 'Numpad9' }), 'angle-9'],
    [press('2', { code: 'Digit2' }), 'angle-2'],
    [press('3', { code: 'Digit3' }), 'angle-3'],
    [press('4', { code: 'Digit4' }), 'angle-4'],
    [press('5', { code: 'Digit5' }), 'angle-5'],
    [press('6', { code: 'Digit6' }), 'angle-6'],
    [press('7', { code: 'Digit7' }), 'angle-7'],
    [press('8', { code: 'Digit8' }), 'angle-8'],
    [press(' ', { code: 'Space' }), 'play'],
    [press('j'), 'reverse'],
    [press('k'), 'pause'],
    [press('l'), 'forward'],
    [press('L', { shiftKey: true }), 'slow'],
    [press('l'), 'slow', ['K']],
    [press('j'), 'step-back', ['K']],
    [press('ArrowLeft'), 'step-back'],
    [press('ArrowRight'), 'step-forward'],
    [press('ArrowRight', { repeat: true }), 'step-forward'],
    [press('i'), 'set-in'],
    [press('o'), 'set-out'],
    [press('I', { shiftKey: true }), 'go-in'],
    [press('O', { shiftKey: true }), 'go-out'],
    [press('p'), 'publish'],
    [press('Enter'), 'publish'],
    [press('z'), 'undo'],
    [press('h'), 'live'],
    [press('Home'), 'live'],
    [press('m'), 'sound'],
    [press('ArrowUp'), 'select-up'],
    [press('ArrowDown'), 'select-down'],
    [press('?', { shiftKey: true }), 'help'],
    // Caps lock is not shift.
    [press('G'), 'mark-goal'],
    // A finger that is slow to lift never loses a mark.
    [press('g'), 'mark-goal', ['S', '1', 'ArrowLeft']],
    // A held key marks once.
    [press('g', { repeat: true }), null],
    [press('G', { shiftKey: true }), null],
    // The browser's own shortcuts are the browser's.
    [press('r', { ctrlKey: true }), null],
    [press('c', { metaKey: true }), null],
    [press('q'), null],
  ];
  for (const [key, action, held] of cases) {
    test(`${[...(held ?? []), key.shiftKey ? 'Shift' : '', key.key].filter(Boolean).join('+')}${key.repeat ? ' held' : ''} → ${action}`, () =>
      expect(match(BINDINGS, key, new Set(held ?? []))).toBe(action));
  }

  test('every action of the table is in the cases above', () => {
    const tried = new Set(cases.map(([, action]) => action));
    expect(BINDINGS.map((b) => b.action).filter((a) => !tried.has(a))).toEqual([]);
  });

  test('the help, while it is open, takes Escape, and no other key', () => {
    expect(match(HELP_BINDINGS, press('Escape'))).toBe('close-help');
    expect(match(BINDINGS, press('Escape'))).toBe(null);
    expect(HELP_BINDINGS.flatMap((b) => b.keys)).toEqual(['Escape']);
  });

  test('no key does two things', () => {
    const keys = [...BINDINGS, ...HELP_BINDINGS].flatMap((b) => b.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('buttons print their key', () => {
    for (const { kind, key } of KINDS) expect(keyOf(`mark-${kind}`)).toBe(key);
    expect(keyOf('slow')).toBe('⇧L');
    expect(keyOf('step-back')).toBe('←');
  });
});

describe('in the page', () => {
  let stop = () => {};
  afterEach(() => {
    stop();
    document.body.replaceChildren();
  });

  test('typing a title is typing; a focused button keeps space and enter', () => {
    const input = document.body.appendChild(document.createElement('input'));
    const button = document.body.appendChild(document.createElement('button'));
    expect(isTyping(input, 'G')).toBe(true);
    expect(isTyping(button, 'G')).toBe(false);
    expect(isTyping(button, 'Space')).toBe(true);
    expect(isTyping(button, 'Enter')).toBe(true);
    expect(isTyping(document.body, 'Space')).toBe(false);
    input.type = 'checkbox';
    expect(isTyping(input, 'G')).toBe(false);
    expect(isTyping(input, 'Space')).toBe(true);
  });

  test('keys act, chords see what is held, and lifted keys are forgotten', () => {
    const act = vi.fn();
    stop = bind(window, BINDINGS, act);
    const send = (type: string, key: string) =>
      document.body.dispatchEvent(new KeyboardEvent(type, { key, bubbles: true, cancelable: true }));
    send('keydown', 'k');
    send('keydown', 'l');
    send('keyup', 'l');
    send('keyup', 'k');
    send('keydown', 'l');
    expect(act.mock.calls.map(([a]) => a as Action)).toEqual(['pause', 'slow', 'forward']);
    expect(send('keydown', ' ')).toBe(false);
    expect(send('keydown', 'q')).toBe(true);
  });
});

test('names', () => {
  expect(nameOf({ key: 'é', code: 'Digit2' })).toBe('2');
  expect(nameOf({ key: ' ', code: 'Space' })).toBe('Space');
  expect(nameOf({ key: 'g', code: 'KeyG' })).toBe('G');
});
