/**
 * Keys of a page as a table.
 *
 * Letters match what is printed on the key (`event.key`), digits match the row whatever the layout needs for
 * them (AZERTY types `&` there). A key still held from the press before never blocks the next: a mark must
 * not be lost because a finger was slow to lift, which is why a hotkey library that compares the whole set of
 * held keys is not used here.
 */

export interface Binding<Action extends string> {
  action: Action;
  /** `G`, `Shift+I`, `Space`, `ArrowLeft`, `1`, `?`, or a chord of two letters: `K+L`. */
  keys: readonly string[];
  /** Fires again while held down. */
  repeat?: boolean;
}

/** The parts of a KeyboardEvent that matter. */
export type KeyPress = Pick<
  KeyboardEvent,
  'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey' | 'repeat'
>;

/** A key's name in the table's terms. */
export function nameOf(press: Pick<KeyPress, 'key' | 'code'>): string {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(press.code);
  if (digit?.[1]) return digit[1];
  if (press.key === ' ') return 'Space';
  return press.key.length === 1 ? press.key.toUpperCase() : press.key;
}

/** The action of a key press; `held` are the names of other keys that are down. */
export function match<Action extends string>(
  table: readonly Binding<Action>[],
  press: KeyPress,
  held: ReadonlySet<string> = new Set(),
): Action | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  const name = nameOf(press);
  const letter = /^[A-Z]$/.test(name) || name.startsWith('Arrow');
  const candidates: string[] = [];
  if (letter) for (const other of held) if (other !== name) candidates.push(`${other}+${name}`);
  candidates.push(letter && press.shiftKey ? `Shift+${name}` : name);
  for (const candidate of candidates) {
    const found = table.find(({ keys }) => keys.includes(candidate));
    if (found) return press.repeat && !found.repeat ? null : found.action;
  }
  return null;
}

/** True when a key belongs to the element that has the focus, not to the page. */
export function isTyping(target: EventTarget | null, name: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.matches('textarea, select, input:not([type=range], [type=checkbox])')) return true;
  if (target.matches('input[type=range]'))
    return name.startsWith('Arrow') || name === 'Home' || name === 'End';
  if (target.matches('input[type=checkbox]')) return name === 'Space';
  return target.matches('button, a[href], summary') && (name === 'Space' || name === 'Enter');
}

/** Listens on a window; returns what stops it. */
export function bind<Action extends string>(
  target: Window,
  table: readonly Binding<Action>[],
  act: (action: Action) => void,
): () => void {
  const held = new Set<string>();
  const down = (event: KeyboardEvent) => {
    const name = nameOf(event);
    if (!isTyping(event.target, name)) {
      const action = match(table, event, held);
      if (action !== null) act(action);
      // Repeats of a bound key are swallowed too: a held space must not scroll the page.
      if (action !== null || match(table, { ...press(event), repeat: false }, held) !== null) {
        event.preventDefault();
      }
    }
    held.add(name);
  };
  const up = (event: KeyboardEvent) => held.delete(nameOf(event));
  const clear = () => held.clear();
  target.addEventListener('keydown', down);
  target.addEventListener('keyup', up);
  target.addEventListener('blur', clear);
  return () => {
    target.removeEventListener('keydown', down);
    target.removeEventListener('keyup', up);
    target.removeEventListener('blur', clear);
  };
}

function press(event: KeyboardEvent): KeyPress {
  const { key, code, shiftKey, ctrlKey, altKey, metaKey, repeat } = event;
  return { key, code, shiftKey, ctrlKey, altKey, metaKey, repeat };
}
