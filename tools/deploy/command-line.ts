// The shared frame of deploy and destroy: options, interruption and failure. A failure prints one line to stderr and
// exits with code 1; Ctrl-C exits with code 130.
import { Command, Option } from 'commander';
import { reasonOf } from '../store/errors.ts';
import { type DeployEnvironment, toDeployEnvironment } from './deploy-environment.ts';
import { DeployError } from './errors.ts';
import { environments } from './settings.ts';

/** Creates a command with the options that deploy and destroy share. */
export function createCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .allowExcessArguments(false)
    .addOption(
      new Option('--environment <name>', 'environment').choices(environments).default(environments[0]),
    )
    .option('--region <region>', 'AWS region, such as eu-central-1 (default: AWS_REGION, or the AWS profile)')
    .showHelpAfterError('(--help lists the options)');
}

/** Parses the command line and runs `act`. Reports failures through stderr and the exit code. */
export async function runCommand<Options>(
  command: Command,
  act: (options: Options, deployEnvironment: DeployEnvironment) => Promise<void>,
): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  try {
    await command.parseAsync();
    await act(command.opts<Options & object>(), toDeployEnvironment(interruption.signal));
  } catch (error) {
    const isInterrupted =
      interruption.signal.aborted || (error instanceof Error && error.name === 'AbortError');
    process.stderr.write(`${isInterrupted ? interrupted : messageOf(error)}\n`);
    process.exitCode = isInterrupted ? 130 : 1;
  }
}

const interrupted = 'Interrupted. CloudFormation continues any change that it has started.';

function messageOf(error: unknown): string {
  return error instanceof DeployError ? error.message : `Unexpected failure: ${reasonOf(error)}`;
}
