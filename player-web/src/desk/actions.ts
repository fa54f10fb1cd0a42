/** What the desk can do, and the key of each: the one table that buttons, the help and the tests read. */
import type { Binding } from '../lib/keys';

/** Seconds of a guard band: what the server takes. */
export const GUARD = { least: 0, most: 600 } as const;

/** Kinds of marks, each with its key and its guard bands in seconds. */
export const KINDS = [
  { kind: 'goal', key: 'G', before: 8, after: 4 },
  { kind: 'save', key: 'S', before: 8, after: 4 },
  { kind: 'foul', key: 'F', before: 8, after: 4 },
  { kind: 'card', key: 'C', before: 8, after: 4 },
  { kind: 'corner', key: 'R', before: 8, after: 4 },
  { kind: 'action', key: 'A', before: 8, after: 4 },
] as const;

export type Kind = (typeof KINDS)[number]['kind'];

export type Action =
  | `mark-${Kind}`
  | `angle-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | 'play'
  | 'reverse'
  | 'pause'
  | 'forward'
  | 'slow'
  | 'step-back'
  | 'step-forward'
  | 'set-in'
  | 'set-out'
  | 'go-in'
  | 'go-out'
  | 'publish'
  | 'undo'
  | 'live'
  | 'sound'
  | 'select-up'
  | 'select-down'
  | 'help'
  | 'close-help';

export const BINDINGS: readonly Binding<Action>[] = [
  ...KINDS.map(({ kind, key }) => ({ action: `mark-${kind}` as const, keys: [key] })),
  ...([1, 2, 3, 4, 5, 6, 7, 8, 9] as const).map((n) => ({
    action: `angle-${n}` as const,
    keys: [String(n)],
  })),
  { action: 'play', keys: ['Space'] },
  { action: 'reverse', keys: ['J'] },
  { action: 'pause', keys: ['K'] },
  { action: 'forward', keys: ['L'] },
  { action: 'slow', keys: ['Shift+L', 'K+L'] },
  { action: 'step-back', keys: ['ArrowLeft', 'K+J'], repeat: true },
  { action: 'step-forward', keys: ['ArrowRight'], repeat: true },
  { action: 'set-in', keys: ['I'] },
  { action: 'set-out', keys: ['O'] },
  { action: 'go-in', keys: ['Shift+I'] },
  { action: 'go-out', keys: ['Shift+O'] },
  { action: 'publish', keys: ['P', 'Enter'] },
  { action: 'undo', keys: ['Z'] },
  { action: 'live', keys: ['H', 'Home'] },
  { action: 'sound', keys: ['M'] },
  { action: 'select-up', keys: ['ArrowUp'], repeat: true },
  { action: 'select-down', keys: ['ArrowDown'], repeat: true },
  { action: 'help', keys: ['?'] },
];

/** Keys of the help, while it is open. */
export const HELP_BINDINGS: readonly Binding<Action>[] = [{ action: 'close-help', keys: ['Escape'] }];

/** The key printed on an action's button. */
export function keyOf(action: Action): string {
  const key = BINDINGS.find((b) => b.action === action)?.keys[0] ?? '';
  return (
    { Space: '␣', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' }[key] ??
    key.replace('Shift+', '⇧')
  );
}
