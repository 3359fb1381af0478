// npm run batch -- submit | status | fetch | cancel | resume | local: answers a file in OpenAI's Batch format.
// A failure prints one line to stderr and exits with code 1; Ctrl-C exits with code 130.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readText } from '../../src/config/environment.ts';
import { environments, stackNameOf } from '../deploy/settings.ts';
import { createProgressDisplay } from '../terminal/progress.ts';
import { BatchError, toBatchFailure } from './failure.ts';
import { fetchResults } from './fetch.ts';
import { answerFile } from './local.ts';
import { cancelRun, describeLastRun, followLastRun, type Run, resumeRun, toStatusLine } from './runs.ts';
import { type BatchStack, connectStack } from './stack.ts';
import { type BatchPlan, submitFile } from './submit.ts';

const interruption = new AbortController();
const { signal } = interruption;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort();
    // A request without a response could keep the process alive after an interruption.
    setTimeout(() => process.exit(130), 5_000).unref();
  });
}

const display = createProgressDisplay(process.stdout);
const linesDisplay = createProgressDisplay(process.stdout, (lines) =>
  lines.toFixed(lines < 10 && lines % 1 !== 0 ? 1 : 0),
);

/** Returns a parser of whole numbers from `min` to `max`. */
function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

const program = new Command('npm run batch --')
  .description('Answer a file of requests; each line is JSON with custom_id, method, url and body.')
  .showHelpAfterError('(--help lists the commands)');

/** Creates a command with the options that select a deployed stack. */
function stackCommand(name: string): Command {
  return program
    .command(name)
    .addOption(
      new Option('--environment <name>', 'the deployed environment')
        .choices(environments)
        .default(environments[0]),
    )
    .option('--stack <name>', 'stack name (default: that of the environment)')
    .option('--region <region>', 'AWS region (default: AWS_REGION, or the AWS profile)');
}

interface StackOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly region?: string;
}

stackCommand('submit')
  .description('upload a file and start its batch; submitting the same file again starts no second batch')
  .argument('<file>', 'requests in JSONL')
  .option('--id <id>', 'id of the batch (default: the file name and a digest of the file)')
  .option(
    '--concurrency <environments>',
    'Lambda environments that work in parallel',
    wholeNumber(1, 10_000),
    10,
  )
  .option('--hours <hours>', 'hours after which no more lines are started', wholeNumber(1, 24 * 14), 24)
  .option('--lines-per-chunk <lines>', 'lines per Lambda invocation', wholeNumber(1, 1_000), 50)
  .option('--wait', 'wait until the batch ends')
  .action(async (file: string, options: StackOptions & SubmitOptions) => {
    const stack = await connect(options);
    let id = '';
    const submission = await submitFile(file, stack, {
      ...options,
      signal,
      onPlanned: (plan) => {
        id = plan.id;
        printPlan(plan, options);
      },
      onProgress: display.update,
    });
    if (submission === 'answered') {
      display.line(`${id} was already submitted. Its results are ready: fetch them.`);
      return;
    }
    display.line(submission === 'started' ? `${id} is submitted.` : `${id} was already submitted.`);
    if (options.wait) await followToEnd(id, stack);
    else if (submission === 'submitted') printRun(await describeLastRun(id, stack));
  });

function printPlan(
  { id, lines, invalid, maxDollars }: BatchPlan,
  { concurrency, hours }: SubmitOptions,
): void {
  if (invalid !== undefined) {
    display.line(`Invalid lines: ${invalid.count}. They will fail; the first is ${invalid.first}`);
  }
  display.line(
    `${id}: ${lines} lines, at most $${maxDollars.toFixed(2)} at the prices of us-east-1 ` +
      `(${concurrency} environments for ${hours} hours).`,
  );
}

interface SubmitOptions {
  readonly id?: string;
  readonly concurrency: number;
  readonly hours: number;
  readonly linesPerChunk: number;
  readonly wait?: boolean;
}

stackCommand('status')
  .description('print the progress of a batch')
  .argument('<id>', 'id of the batch')
  .option('--wait', 'wait until the batch ends')
  .action(async (id: string, options: StackOptions & { wait?: boolean }) => {
    const stack = await connect(options);
    if (options.wait) await followToEnd(id, stack);
    else display.line(toStatusLine(await describeLastRun(id, stack)));
  });

stackCommand('fetch')
  .description('download the results and errors of a batch')
  .argument('<id>', 'id of the batch')
  .option('--to <directory>', 'directory for the files', '.')
  .action(async (id: string, options: StackOptions & { to: string }) => {
    const stack = await connect(options);
    for (const { path, lines } of await fetchResults(id, stack, options.to, {
      signal,
      onProgress: display.update,
    })) {
      display.line(`${path}: ${lines} lines.`);
    }
  });

stackCommand('cancel')
  .description('stop a batch; its results are kept, and it can be resumed')
  .argument('<id>', 'id of the batch')
  .action(async (id: string, options: StackOptions) => {
    await cancelRun(id, await connect(options));
    display.line(`${id} is cancelled: no more lines are started; lines in progress may still be answered.`);
  });

stackCommand('resume')
  .description('answer the remaining lines of a failed or cancelled batch')
  .argument('<id>', 'id of the batch')
  .option('--hours <hours>', 'hours after which no more lines are started', wholeNumber(1, 24 * 14), 24)
  .option('--wait', 'wait until the batch ends')
  .action(async (id: string, options: StackOptions & { hours: number; wait?: boolean }) => {
    const stack = await connect(options);
    await resumeRun(id, options.hours, stack);
    display.line(`${id} is resumed.`);
    if (options.wait) await followToEnd(id, stack);
  });

program
  .command('local')
  .description(
    'answer a file on this machine, without AWS; a second call resumes an interrupted one and leaves finished results as they are',
  )
  .argument('<file>', 'requests in JSONL')
  .option('--to <directory>', 'directory for the results (default: that of the file)')
  .option('--slots <generations>', 'requests answered in parallel', wholeNumber(1, 256), 4)
  .action(async (file: string, options: { to?: string; slots: number }) => {
    const modelDirectory = readText(process.env, 'MODEL_DIR', undefined);
    setUpModel(modelDirectory);
    const { wasAnswered, output, errors } = await answerFile(file, {
      ...options,
      env: { ...process.env, MODEL_DIR: modelDirectory ?? join(import.meta.dirname, '../../dist/model') },
      signal,
      onProgress: linesDisplay.update,
    });
    if (wasAnswered)
      linesDisplay.line(`${file} was answered before. To answer it again, delete its results.`);
    for (const { path, lines } of [output, errors]) linesDisplay.line(`${path}: ${lines} lines.`);
    if (output.lines === 0) throw new BatchError(`No line of ${file} was answered: see ${errors.path}.`);
  });

/** Installs the engine, and the default model unless another one is given. Only `local` needs them. */
function setUpModel(modelDirectory: string | undefined): void {
  const setUp = join(import.meta.dirname, '../setup.mjs');
  const part = modelDirectory === undefined ? [] : ['engine'];
  const { status } = spawnSync(process.execPath, [setUp, ...part], { stdio: 'inherit' });
  if (status !== 0)
    throw new BatchError('The engine or the model could not be installed: see the output above.');
}

function connect({ environment, stack = stackNameOf(environment), region }: StackOptions) {
  return connectStack({ stack, ...(region !== undefined && { region }) });
}

async function followToEnd(id: string, stack: BatchStack): Promise<void> {
  printRun(await followLastRun(id, stack, { signal, onProgress: linesDisplay.update }));
}

/** Prints the status of a run. A run that has failed makes the command fail. */
function printRun(run: Run): void {
  linesDisplay.line(toStatusLine(run));
  if (run.state !== 'RUNNING' && run.state !== 'SUCCEEDED') process.exitCode = 1;
}

try {
  await program.parseAsync();
  display.end();
  linesDisplay.end();
} catch (error) {
  display.end();
  linesDisplay.end();
  process.stderr.write(`${signal.aborted ? 'Interrupted.' : toBatchFailure(error)}\n`);
  process.exitCode = signal.aborted ? 130 : 1;
}
