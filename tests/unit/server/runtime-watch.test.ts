import { Agent } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Runtime } from '../../../src/server/runtime-link.ts';
import { watchRuntime } from '../../../src/server/runtime-watch.ts';

const second = 1000;
const halfMinute = 31 * second;

/** A runtime that hangs when it has answered so many pings. */
function runtimeWith(answeredPings: number): Runtime & { pings: number } {
  const runtime = {
    pid: 4711,
    description: [],
    socket: '',
    agent: new Agent(),
    pings: 0,
    ping: () => {
      runtime.pings += 1;
      return runtime.pings > answeredPings ? new Promise<void>(() => {}) : Promise.resolve();
    },
  };
  return runtime;
}

let stop = () => {};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'error').mockReturnValue();
});

afterEach(() => {
  stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('watchRuntime', () => {
  it('ends a runtime once that does not react for half a minute', async () => {
    const runtime = runtimeWith(2);
    const ended: Runtime[] = [];
    stop = watchRuntime(
      { runtime },
      () => true,
      (hanging) => ended.push(hanging),
    );
    await vi.advanceTimersByTimeAsync(2 * second + halfMinute - second);

    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(3 * halfMinute);
    expect(ended).toEqual([runtime]);
    expect(console.error).toHaveBeenCalledWith(expect.stringContaining('has not reacted for 30 s'));
  });

  it('does not fail when a runtime has ended by itself before it is killed', async () => {
    // No process has a number above the highest one.
    const runtime = { ...runtimeWith(0), pid: 2 ** 22 + 1 };
    stop = watchRuntime({ runtime }, () => true);
    await vi.advanceTimersByTimeAsync(2 * halfMinute);

    expect(console.error).toHaveBeenCalledTimes(1);
  });

  it('also when its answers were given up before', async () => {
    const runtime = runtimeWith(0);
    const kill = vi.fn();
    let isAnswering = true;
    stop = watchRuntime({ runtime }, () => isAnswering, kill);
    await vi.advanceTimersByTimeAsync(second);
    isAnswering = false;
    await vi.advanceTimersByTimeAsync(halfMinute);

    expect(kill).toHaveBeenCalledOnce();
  });

  it('leaves one alone that reacts', async () => {
    const runtime = runtimeWith(Number.POSITIVE_INFINITY);
    const kill = vi.fn();
    stop = watchRuntime({ runtime }, () => true, kill);
    await vi.advanceTimersByTimeAsync(3 * halfMinute);

    expect(kill).not.toHaveBeenCalled();
    expect(runtime.pings).toBe(93);
  });

  it('asks nothing while nothing is answered, or while there is no runtime', async () => {
    const runtime = runtimeWith(0);
    stop = watchRuntime({ runtime }, () => false);
    const stopOther = watchRuntime({ runtime: undefined }, () => true);
    await vi.advanceTimersByTimeAsync(3 * halfMinute);
    stopOther();

    expect(runtime.pings).toBe(0);
  });

  it('counts anew for another runtime', async () => {
    const link = { runtime: runtimeWith(0) };
    const kill = vi.fn();
    stop = watchRuntime(link, () => true, kill);
    await vi.advanceTimersByTimeAsync(20 * second);
    link.runtime = runtimeWith(Number.POSITIVE_INFINITY);
    await vi.advanceTimersByTimeAsync(20 * second);

    expect(kill).not.toHaveBeenCalled();
  });
});
