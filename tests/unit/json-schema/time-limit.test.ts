import { expect, it } from 'vitest';
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

/** Clocks of a machine on which a thread has a share of the processor. The work needs a time of it. */
function machine(share: number, needed: number) {
  const clocks = {
    taken: 0,
    passed: 0,
    processorTime: () => clocks.taken,
    withinClockTime: <Result>(clockTime: number, work: () => Result): Result => {
      clocks.passed += clockTime;
      clocks.taken += Math.min(needed, share * clockTime);
      if (share * clockTime < needed) throw new TimeLimitError(clockTime);
      return work();
    },
  };
  return clocks;
}

it.each([1, 0.9, 0.75, 0.5, 0.3, 0.24, 0.2, 0.1, 0.07])(
  'gives work its whole limit where a thread has %d of a processor',
  (share) => {
    const busy = machine(share, 850);
    const endless = machine(share, Number.POSITIVE_INFINITY);

    expect(withinTime(1000, () => 'done', busy)).toBe('done');
    expect(() => withinTime(1000, () => 'done', endless)).toThrow(new TimeLimitError(1000));
    expect(endless.taken).toBeLessThanOrEqual(2001);
  },
);

it('ends work at once that had its whole limit', () => {
  const idle = machine(1, Number.POSITIVE_INFINITY);

  expect(() => withinTime(1000, () => 'done', idle)).toThrow('The work took longer than 1000 ms.');
  expect(idle.taken).toBe(1000);
});

it('ends work that never gets the processor', () => {
  const stopped = machine(0, 1);

  expect(() => withinTime(1000, () => 'done', stopped)).toThrow('The work took longer than 1000 ms.');
  expect(stopped.passed).toBe(21_000);
});

it('passes on results and errors', () => {
  expect(withinTime(1000, () => 7)).toBe(7);
  expect(() =>
    withinTime(1000, () => {
      throw new RangeError('too far');
    }),
  ).toThrow(new RangeError('too far'));
});
