// What both commands do with their command line, an interruption and a failure: one line to stderr, and exit code 1, or
// 130 after Ctrl-C.
import { Command, Option } from 'commander';
import { reasonOf } from '../store/errors.ts';
import { ofProcess, type Surroundings } from './deploy-environment.ts';
import { DeployError } from './errors.ts';
import { environments } from './settings.ts';

/** A command with the options that deploying and destroying share. */
export function createCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .allowExcessArguments(false)
    .addOption(
      new Option('--environment <name>', 'which of them').choices(environments).default(environments[0]),
    )
    .option('--region <region>', 'such as eu-central-1 (default: AWS_REGION, or what the AWS profile says)')
    .showHelpAfterError('(--help lists the options)');
}

/** Runs a command to its end. */
export async function runCommand<Options>(
  command: Command,
  act: (options: Options, surroundings: Surroundings) => Promise<void>,
): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  try {
    await command.parseAsync();
    await act(command.opts<Options & object>(), ofProcess(interruption.signal));
  } catch (error) {
    const isInterrupted =
      interruption.signal.aborted || (error instanceof Error && error.name === 'AbortError');
    process.stderr.write(`${isInterrupted ? interrupted : messageOf(error)}\n`);
    process.exitCode = isInterrupted ? 130 : 1;
  }
}

const interrupted = 'Interrupted. What CloudFormation has begun goes on.';

function messageOf(error: unknown): string {
  return error instanceof DeployError ? error.message : `Unexpected failure: ${reasonOf(error)}`;
}
