// npm run batch -- submit | status | fetch | cancel | resume | local: many requests in a file, in OpenAI's Batch format.
// What went well goes to stdout, each failure as one line to stderr, with exit code 1, or 130 after Ctrl-C.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { environments, stackNameOf } from '../deploy/settings.ts';
import { createProgressDisplay } from '../terminal/progress.ts';
import { BatchError, toBatchFailure } from './failure.ts';
import { fetchResults } from './fetch.ts';
import { answerFile } from './local.ts';
import { cancelRun, describeLastRun, followLastRun, resumeRun, toStatusLine } from './runs.ts';
import { type BatchStack, connectStack } from './stack.ts';
import { type BatchPlan, submitFile } from './submit.ts';

const interruption = new AbortController();
const { signal } = interruption;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort();
    // What does not end by then is a request that nobody answers.
    setTimeout(() => process.exit(130), 5_000).unref();
  });
}

const display = createProgressDisplay(process.stdout);
const linesDisplay = createProgressDisplay(process.stdout, (lines) =>
  lines.toFixed(lines < 10 && lines % 1 !== 0 ? 1 : 0),
);

/** Parses a whole number from `min` to `max`. */
function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

const program = new Command('npm run batch --')
  .description('Answer many requests: a line of JSON each, with custom_id, method, url and body.')
  .showHelpAfterError('(--help lists the commands)');

/** A command that works on a deployed stack. */
function stackCommand(name: string): Command {
  return program
    .command(name)
    .addOption(
      new Option('--environment <name>', 'what was deployed').choices(environments).default(environments[0]),
    )
    .option('--stack <name>', 'another stack than the environment’s')
    .option('--region <region>', 'its region (default: the one that the AWS SDK finds)');
}

interface StackOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly region?: string;
}

stackCommand('submit')
  .description(
    'upload a file and have it answered; the same file is submitted once, however often this is called',
  )
  .argument('<file>', 'requests, in JSONL')
  .option('--id <id>', 'what the batch is called (default: the file’s name and a digest of it)')
  .option(
    '--concurrency <environments>',
    'how many environments may work at once',
    wholeNumber(1, 10_000),
    10,
  )
  .option('--hours <hours>', 'after so long no more lines are begun', wholeNumber(1, 24 * 14), 24)
  .option('--lines-per-chunk <lines>', 'lines that an environment takes at once', wholeNumber(1, 1_000), 50)
  .option('--wait', 'follow the batch to its end')
  .action(async (file: string, options: StackOptions & SubmitOptions) => {
    const stack = await connect(options);
    let id = '';
    const isNew = await submitFile(file, stack, {
      ...options,
      signal,
      onPlanned: (plan) => {
        id = plan.id;
        tellPlan(plan, options);
      },
      onProgress: display.update,
    });
    display.line(isNew ? `${id} is submitted.` : `${id} was submitted before.`);
    if (options.wait) await followToEnd(id, stack);
  });

function tellPlan({ id, lines, wrong, mostDollars }: BatchPlan, { concurrency, hours }: SubmitOptions): void {
  if (wrong !== undefined) {
    display.line(`${wrong.count} lines are no requests and will fail alone; the first is ${wrong.first}`);
  }
  display.line(
    `${id}: ${lines} lines, at most $${mostDollars.toFixed(2)} by the list price of us-east-1: ` +
      `${concurrency} environments for ${hours} hours.`,
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
  .description('tell how far a batch is')
  .argument('<id>', 'the batch')
  .option('--wait', 'follow it to its end')
  .action(async (id: string, options: StackOptions & { wait?: boolean }) => {
    const stack = await connect(options);
    if (options.wait) await followToEnd(id, stack);
    else display.line(toStatusLine(await describeLastRun(id, stack)));
  });

stackCommand('fetch')
  .description('download a batch’s results and its errors')
  .argument('<id>', 'the batch')
  .option('--to <directory>', 'where to put them', '.')
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
  .description('end a batch; what was answered is kept, and it can be resumed')
  .argument('<id>', 'the batch')
  .action(async (id: string, options: StackOptions) => {
    await cancelRun(id, await connect(options));
    display.line(`${id} is cancelled: lines under way may still be answered, and no more are begun.`);
  });

stackCommand('resume')
  .description('answer what a batch that failed or was cancelled has not answered')
  .argument('<id>', 'the batch')
  .option('--hours <hours>', 'after so long no more lines are begun', wholeNumber(1, 24 * 14), 24)
  .option('--wait', 'follow it to its end')
  .action(async (id: string, options: StackOptions & { hours: number; wait?: boolean }) => {
    const stack = await connect(options);
    await resumeRun(id, options.hours, stack);
    display.line(`${id} is resumed.`);
    if (options.wait) await followToEnd(id, stack);
  });

program
  .command('local')
  .description('answer a file on this machine, without AWS; called again, it goes on where it was')
  .argument('<file>', 'requests, in JSONL')
  .option('--to <directory>', 'where to put the results (default: beside the file)')
  .option('--slots <generations>', 'requests that are answered at once', wholeNumber(1, 256), 4)
  .action(async (file: string, options: { to?: string; slots: number }) => {
    setUpModel();
    const { output, errors } = await answerFile(file, {
      ...options,
      env: { MODEL_DIR: join(import.meta.dirname, '../../dist/model'), ...process.env },
      signal,
      onProgress: linesDisplay.update,
    });
    for (const { path, lines } of [output, errors]) linesDisplay.line(`${path}: ${lines} lines.`);
  });

/** What evaluates prompts, and the default model unless there is another, which only this command needs. */
function setUpModel(): void {
  const setUp = join(import.meta.dirname, '../setup.mjs');
  const part = process.env.MODEL_DIR === undefined ? [] : ['engine'];
  const { status } = spawnSync(process.execPath, [setUp, ...part], { stdio: 'inherit' });
  if (status !== 0) throw new BatchError('The model could not be set up.');
}

function connect({ environment, stack = stackNameOf(environment), region }: StackOptions) {
  return connectStack({ stack, ...(region !== undefined && { region }) });
}

async function followToEnd(id: string, stack: BatchStack): Promise<void> {
  const run = await followLastRun(id, stack, { signal, onProgress: linesDisplay.update });
  linesDisplay.line(toStatusLine(run));
  if (run.state !== 'SUCCEEDED') process.exitCode = 1;
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
