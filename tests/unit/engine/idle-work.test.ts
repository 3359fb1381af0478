import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdleWork } from '../../../src/engine/idle-work.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Work that lasts until it is ended, or until its signal is aborted. */
function createWork() {
  const ended = Promise.withResolvers<void>();
  const inputs: string[] = [];
  const work = async (input: string, signal: AbortSignal) => {
    inputs.push(input);
    signal.addEventListener('abort', () => ended.reject(signal.reason));
    await ended.promise;
  };
  return { work, inputs, end: () => ended.resolve() };
}

const prepare = async () => 'input';

describe('idle work', () => {
  it('begins a tenth of a second later', async () => {
    const idle = new IdleWork<string>();
    const { work, inputs, end } = createWork();
    idle.plan({ prepare, work });

    await vi.advanceTimersByTimeAsync(99);
    expect(inputs).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(inputs).toEqual(['input']);
    expect(idle.isRunning).toBe(true);
    end();
    await idle.interrupt();
    expect(idle.isRunning).toBe(false);
  });

  it('does not begin when it is interrupted before, or while it is prepared', async () => {
    const idle = new IdleWork<string>();
    const { work, inputs } = createWork();
    idle.plan({ prepare, work });
    await idle.interrupt();
    await vi.advanceTimersByTimeAsync(1000);

    const prepared = Promise.withResolvers<string>();
    idle.plan({ prepare: () => prepared.promise, work });
    await vi.advanceTimersByTimeAsync(100);
    await idle.interrupt();
    prepared.resolve('late');
    await vi.advanceTimersByTimeAsync(0);

    expect(inputs).toEqual([]);
  });

  it('is waited for when it is interrupted', async () => {
    const idle = new IdleWork<string>();
    const { work, inputs } = createWork();
    idle.plan({ prepare, work });
    await vi.advanceTimersByTimeAsync(100);

    await idle.interrupt();

    expect(inputs).toHaveLength(1);
    expect(idle.isRunning).toBe(false);
  });

  it.each([
    ['has nothing to do', async () => undefined],
    ['cannot be prepared', () => Promise.reject(new Error('no template'))],
  ])('that %s is none', async (_, none) => {
    const idle = new IdleWork<string>();
    const { work, inputs } = createWork();
    idle.plan({ prepare: none, work });
    await vi.advanceTimersByTimeAsync(100);

    expect(inputs).toEqual([]);
    expect(idle.isRunning).toBe(false);
  });

  it('gives way to later work', async () => {
    const idle = new IdleWork<string>();
    const first = createWork();
    const second = createWork();
    idle.plan({ prepare, work: first.work });
    idle.plan({ prepare, work: second.work });
    await vi.advanceTimersByTimeAsync(100);
    second.end();
    await idle.interrupt();

    expect([first.inputs, second.inputs]).toEqual([[], ['input']]);
  });
});
