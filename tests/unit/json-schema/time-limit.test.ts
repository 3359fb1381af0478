import { expect, it, vi } from 'vitest';
import { TimeLimitError, withinClockTime, withinTime } from '../../../src/json-schema/time-limit.ts';

/** Waits without the processor, as on a busy machine. */
const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('ends work that keeps the processor, in JavaScript and in a regular expression', () => {
  for (const work of [
    () => {
      for (;;);
    },
    () => /^(a+)+$/.test(`${'a'.repeat(50)}b`),
  ])
    for (const within of [withinTime, withinClockTime])
      expect(() => within(20, work)).toThrow(TimeLimitError);
});

it('lets work go on that waits for the processor', () => {
  const work = () => wait(50);

  expect(withinTime(40, work)).toBe('timed-out');
  expect(() => withinClockTime(40, work)).toThrow('The work took longer than 40 ms.');
});

it('counts the time of the processor over all attempts', () => {
  // The machine gives every second millisecond to others.
  using _ = vi.spyOn(process, 'threadCpuUsage').mockImplementation(() => ({
    user: performance.now() * 500,
    system: 0,
  }));
  const before = performance.now();

  expect(() =>
    withinTime(200, () => {
      for (;;);
    }),
  ).toThrow(new TimeLimitError(200));
  expect((performance.now() - before) / 2).toBeLessThan(280);
});

it('ends work that waits for ever', () => {
  let attempts = 0;

  expect(() =>
    withinTime(5, () => {
      attempts++;
      wait(10_000);
    }),
  ).toThrow('The work took longer than 5 ms.');
  expect(attempts).toBe(5);
});

it('passes on results and errors', () => {
  expect(withinTime(1000, () => 7)).toBe(7);
  expect(() =>
    withinTime(1000, () => {
      throw new RangeError('too far');
    }),
  ).toThrow(new RangeError('too far'));
});
