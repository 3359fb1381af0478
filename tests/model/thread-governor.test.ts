import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const sources = ['fixtures/thread-governor.cpp', '../../native/inference/thread-governor.cpp'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const folder = mkdtempSync(join(tmpdir(), 'thread-governor-'));
const program = join(folder, 'simulation');

/** A machine where nothing else runs, one with a busy neighbour, and one where two threads gain nothing. */
const quiet = { two: 6, one: 10, idle: 1 };
const busy = { two: 80, one: 11, idle: 0 };
const throttled = { two: 30, one: 50, idle: 0 };

type Machine = typeof quiet;

/** Returns the threads of each step, by period. */
function simulate(...periods: { steps: number; machine: Machine }[]): string[] {
  const lines = periods.map(({ steps, machine }) => `${steps},${machine.two},${machine.one},${machine.idle}`);
  return execFileSync(program, lines, { encoding: 'utf8' }).trimEnd().split('\n');
}

const countOf = (threads: string, steps = '') => steps.split(threads).length - 1;

/** How long the steps take beside the better number of threads. */
function rate(steps: string, { two, one }: Machine): number {
  const time = countOf('2', steps) * two + countOf('1', steps) * one;
  return (steps.length * Math.min(two, one)) / time;
}

beforeAll(() => {
  execFileSync('c++', ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', ...sources, '-o', program]);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('ThreadGovernor', () => {
  it('decodes with all threads while nothing else runs, and tries fewer once in hundreds of steps', () => {
    const [steps = ''] = simulate({ steps: 2000, machine: quiet });
    expect(countOf('1', steps)).toBe(4);
    expect(rate(steps, quiet)).toBeGreaterThan(0.99);
  });

  it('takes fewer threads after the first steps on a machine that is busy from the start', () => {
    const [steps = ''] = simulate({ steps: 500, machine: busy });
    expect(steps.slice(0, 4)).toBe('2221');
    expect(countOf('2', steps.slice(4))).toBe(0);
  });

  it('takes fewer threads three steps after a neighbour begins, and all of them again after it has ended', () => {
    const [before = '', during = '', after = ''] = simulate(
      { steps: 300, machine: quiet },
      { steps: 2000, machine: busy },
      { steps: 300, machine: quiet },
    );
    expect(before.endsWith('2222')).toBe(true);
    expect(during.startsWith('221')).toBe(true);
    expect(rate(during, busy)).toBeGreaterThan(0.98);
    expect(after.indexOf('222')).toBeLessThan(140);
    expect(after.endsWith('2222')).toBe(true);
  });

  it('is not led astray by one slow step', () => {
    const [, , after = ''] = simulate(
      { steps: 100, machine: quiet },
      { steps: 1, machine: busy },
      { steps: 100, machine: quiet },
    );
    expect(after).toBe('2'.repeat(100));
  });

  it('stays with more threads where all numbers became slower alike', () => {
    const [, during = ''] = simulate({ steps: 100, machine: quiet }, { steps: 400, machine: throttled });
    expect(rate(during, throttled)).toBeGreaterThan(0.99);
  });

  it('tries more threads ever more rarely where the system does not tell that others run', () => {
    const [steps = ''] = simulate({ steps: 4000, machine: { ...busy, idle: -1 } });
    expect(countOf('2', steps.slice(4, 1000))).toBeLessThanOrEqual(5);
    expect(countOf('2', steps.slice(1000))).toBeLessThanOrEqual(4);
  });
});
