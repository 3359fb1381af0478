// What deploying and destroying have around them: a terminal, the environment, time, and a way to stop.
import { createInterface } from 'node:readline/promises';
import { setTimeout } from 'node:timers/promises';
import type { Environment } from '../../src/config/environment.ts';
import { DeployError } from './errors.ts';

export interface Surroundings {
  readonly env: Environment;
  /** Prints a line. */
  readonly say: (line: string) => void;
  /** Whether somebody is there to ask. */
  readonly isInteractive: boolean;
  /** Asks a question that is answered by yes or no. */
  readonly ask: (question: string) => Promise<boolean>;
  readonly delay: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Those of this process. */
export function ofProcess(signal: AbortSignal): Surroundings {
  return {
    env: process.env,
    say: (line) => process.stdout.write(`${line}\n`),
    isInteractive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    ask: async (question) => {
      using lines = createInterface({ input: process.stdin, output: process.stdout });
      return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
    },
    delay: (milliseconds) => setTimeout(milliseconds, undefined, { signal }),
    signal,
  };
}

/**
 * Checks that somebody can be asked, unless all is agreed to.
 *
 * @throws {DeployError} `no-terminal`
 */
export function assertAnswerable({ isInteractive }: Surroundings, yes: boolean): void {
  if (yes || isInteractive) return;
  throw new DeployError(
    'no-terminal',
    'There is no terminal to ask on: add --yes to agree to what will be done.',
  );
}
