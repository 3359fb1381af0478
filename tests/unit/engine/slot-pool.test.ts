import { describe, expect, it } from 'vitest';
import { EngineBusyError } from '../../../src/engine/engine.ts';
import { SlotPool } from '../../../src/engine/slot-pool.ts';

const any = () => 0;

describe('SlotPool', () => {
  it('takes the free slot with the highest score', async () => {
    const pool = new SlotPool(['a', 'b', 'c'], 0);

    expect(await pool.acquire((slot) => (slot === 'b' ? 1 : 0))).toBe('b');
    expect(await pool.acquire((slot) => (slot === 'b' ? 1 : 0))).toBe('a');
  });

  it('passes a slot to the caller that has waited longest', async () => {
    const pool = new SlotPool(['a'], 2);
    const order: string[] = [];
    const slot = await pool.acquire(any);
    const first = pool.acquire(any).then(() => order.push('first'));
    const second = pool.acquire(any).then(() => order.push('second'));
    pool.release(slot);
    await first;
    pool.release(slot);
    await second;

    expect(order).toEqual(['first', 'second']);
  });

  it('refuses a caller when the queue is full', async () => {
    const pool = new SlotPool(['a'], 1);
    await pool.acquire(any);
    const waiting = pool.acquire(any);

    await expect(pool.acquire(any)).rejects.toBeInstanceOf(EngineBusyError);
    pool.release('a');
    expect(await waiting).toBe('a');
  });

  it('lets a caller leave the queue when its signal aborts, and passes the slot to the next one', async () => {
    const pool = new SlotPool(['a'], 2);
    await pool.acquire(any);
    const leave = new AbortController();
    const leaving = pool.acquire(any, leave.signal);
    const next = pool.acquire(any);
    const reason = new Error('left');
    leave.abort(reason);
    pool.release('a');

    await expect(leaving).rejects.toBe(reason);
    expect(await next).toBe('a');
    await expect(pool.acquire(any, leave.signal)).rejects.toBe(reason);
  });

  it('is idle only when all slots are free', async () => {
    const pool = new SlotPool(['a', 'b'], 0);
    await pool.whenIdle();
    await pool.acquire(any);
    await pool.acquire(any);
    let idle = false;
    const whenIdle = pool.whenIdle().then(() => {
      idle = true;
    });
    pool.release('a');
    await Promise.resolve();
    expect(idle).toBe(false);
    pool.release('b');
    await whenIdle;

    expect(idle).toBe(true);
  });
});

describe("a pool's load", () => {
  it('counts taken slots and waiting callers', async () => {
    const pool = new SlotPool(['a', 'b'], 2);
    const leave = new AbortController();
    expect(pool.load).toEqual({ running: 0, waiting: 0 });
    await pool.acquire(any);
    expect(pool.load).toEqual({ running: 1, waiting: 0 });
    await pool.acquire(any);
    const [next, leaving] = [pool.acquire(any), pool.acquire(any, leave.signal)];
    expect(pool.load).toEqual({ running: 2, waiting: 2 });
    leave.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    expect(pool.load).toEqual({ running: 2, waiting: 1 });
    pool.release('a');
    expect(await next).toBe('a');
    expect(pool.load).toEqual({ running: 2, waiting: 0 });
    pool.release('a');
    pool.release('b');
    expect(pool.load).toEqual({ running: 0, waiting: 0 });
  });

  it('stays right when the signal of a caller aborts after it got a slot', async () => {
    const pool = new SlotPool(['a'], 2);
    const late = new AbortController();
    await pool.acquire(any, late.signal);
    const waiting = pool.acquire(any, late.signal);
    pool.release('a');
    expect(await waiting).toBe('a');
    late.abort();
    const next = pool.acquire(any);
    expect(pool.load).toEqual({ running: 1, waiting: 1 });
    pool.release('a');

    expect(await next).toBe('a');
  });
});
