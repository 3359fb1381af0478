import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createProgressDisplay } from '../../../../tools/terminal/progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 0, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => vi.useRealTimers());

/** Creates a display; `written` returns its output so far. */
function createOutput(isTTY: boolean) {
  const stream = new PassThrough({ encoding: 'utf8' });
  const terminal = {
    isTTY,
    columns: 80,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  };
  const output = Object.assign(stream, terminal) as unknown as NodeJS.WriteStream;
  const display = createProgressDisplay(output);
  return { display, written: () => (stream.read() as string | null) ?? '' };
}

test('prints a line per tenth with rate and time left when the output is no terminal', () => {
  const { display, written } = createOutput(false);
  display.update({ done: 0, total: 100e6 });
  vi.advanceTimersByTime(2_000);
  display.update({ done: 25e6, total: 100e6 });
  display.update({ done: 26e6, total: 100e6 });
  expect(written()).toBe('20% of 100.0 MB, 12.5 MB/s, 6 s left\n');
});

test('prints a line every five seconds when neither a terminal nor a total is known', () => {
  const { display, written } = createOutput(false);
  for (const megabytes of [0, 10, 20, 30]) {
    display.update({ done: megabytes * 1e6, total: null });
    vi.advanceTimersByTime(2_500);
  }
  expect(written()).toBe('20.0 MB, 4.00 MB/s\n');
});

test('shows a bar with bytes, rate and time left on a terminal', () => {
  const { display, written } = createOutput(true);
  display.update({ done: 10e6, total: 2_000e6 });
  vi.advanceTimersByTime(2_000);
  display.update({ done: 20e6, total: 2_000e6 });
  vi.advanceTimersByTime(200);
  display.end();
  expect(written()).toContain('1% | 20.0 MB of 2.00 GB | 5.00 MB/s | 6 min 36 s left');
});

test('shows bytes and rate on a terminal until the total is known, then a bar', () => {
  const { display, written } = createOutput(true);
  display.update({ done: 0, total: null });
  vi.advanceTimersByTime(1_000);
  display.update({ done: 3e6, total: null });
  vi.advanceTimersByTime(200);
  expect(written()).toContain('3.00 MB | 3.00 MB/s');
  display.update({ done: 3e6, total: 6e6 });
  display.end();
  expect(written()).toContain('50% | 3.00 MB of 6.00 MB');
});
