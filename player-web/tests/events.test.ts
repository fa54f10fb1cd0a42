import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Meanwhile, onceUp, type ServerEvent } from '../src/lib/events';

const gone = (id: string): ServerEvent => ({ kind: 'mark.deleted', data: { id } });

describe('lists that are on their way', () => {
  test('what is heard meanwhile comes after them, for each load its own', async () => {
    const meanwhile = new Meanwhile();
    meanwhile.heard(gone('before'));
    let answer: (list: string) => void = () => undefined;
    const first = meanwhile.during(() => new Promise<string>((resolve) => (answer = resolve)));
    meanwhile.heard(gone('one'));
    const second = meanwhile.during(() => Promise.resolve('newer'));
    meanwhile.heard(gone('two'));
    expect(await second).toEqual(['newer', [gone('two')]]);
    meanwhile.heard(gone('three'));
    answer('older');
    expect(await first).toEqual(['older', [gone('one'), gone('two'), gone('three')]]);
  });

  test('a load that failed is not waited for', async () => {
    const meanwhile = new Meanwhile();
    await expect(meanwhile.during(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await meanwhile.during(() => Promise.resolve(1))).toEqual([1, []]);
  });
});

describe('the first load', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is when the line is up, once', () => {
    const load = vi.fn();
    const up = onceUp(load);
    up(false);
    expect(load).not.toHaveBeenCalled();
    up(true);
    up(false);
    up(true);
    vi.runAllTimers();
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('does not wait for ever', () => {
    const load = vi.fn();
    const up = onceUp(load);
    vi.runAllTimers();
    expect(load).toHaveBeenCalledTimes(1);
    up(true);
    expect(load).toHaveBeenCalledTimes(1);
  });
});
