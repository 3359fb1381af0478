// Captures everything that a test prints.
import { format } from 'node:util';
import { vi } from 'vitest';

/** A line of Powertools' log, or metrics in the embedded metric format. */
type PrintedLine = Readonly<Record<string, unknown>>;

export interface Printed {
  /** The whole output. */
  readonly text: string;
  /** Lines of Powertools' log. */
  readonly log: readonly PrintedLine[];
  /** Metrics in the embedded metric format. */
  readonly metrics: readonly PrintedLine[];
  /** The calls of the console. */
  readonly console: readonly (readonly [method: string, ...args: unknown[]])[];
}

const methods = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

/** Captures the output until the mocks are restored. */
export function catchPrinted(): Printed {
  const pieces: string[] = [];
  const calls: (readonly [string, ...unknown[]])[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((piece) => {
      pieces.push(String(piece));
      return true;
    });
  }
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => {
      calls.push([method, ...args]);
      pieces.push(`${format(...args)}\n`);
    });
  }
  const lines = () =>
    pieces
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as PrintedLine);
  return {
    get text() {
      return pieces.join('');
    },
    get log() {
      return lines().filter((line) => 'level' in line);
    },
    get metrics() {
      return lines().filter((line) => '_aws' in line);
    },
    console: calls,
  };
}
