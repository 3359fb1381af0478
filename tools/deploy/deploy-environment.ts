// The process as deploy and destroy see it: environment variables, terminal, timers and interruption. Tests replace it.
import { createInterface } from 'node:readline/promises';
import { setTimeout } from 'node:timers/promises';
import type { Environment } from '../../src/config/environment.ts';
import { DeployError } from './errors.ts';

export interface DeployEnvironment {
  readonly env: Environment;
  readonly print: (line: string) => void;
  /** True when stdin and stdout are a terminal. */
  readonly isInteractive: boolean;
  /** Asks a yes-or-no question; anything but yes is false. */
  readonly confirm: (question: string) => Promise<boolean>;
  readonly delay: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
}

export function toDeployEnvironment(signal: AbortSignal): DeployEnvironment {
  return {
    env: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    isInteractive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    confirm: async (question) => {
      using lines = createInterface({ input: process.stdin, output: process.stdout });
      return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
    },
    delay: (milliseconds) => setTimeout(milliseconds, undefined, { signal }),
    signal,
  };
}

/**
 * Checks that the command can ask for confirmation, or that `yes` makes the question needless.
 *
 * @throws {DeployError} `no-terminal`
 */
export function assertCanConfirm({ isInteractive }: DeployEnvironment, yes: boolean): void {
  if (yes || isInteractive) return;
  throw new DeployError(
    'no-terminal',
    'There is no terminal to ask for confirmation: add --yes to confirm in advance.',
  );
}
