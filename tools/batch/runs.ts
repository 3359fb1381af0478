// Runs of a batch. Each run is an execution of the state machine; a resumed batch has several.
import { setTimeout as pause } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  DescribeMapRunCommand,
  ExecutionDoesNotExist,
  ListMapRunsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { BatchChunk } from '../../src/batch/batch-objects.ts';
import { toBatchKeys } from '../../src/batch/batch-objects.ts';
import { toRunName } from '../../src/batch/run-names.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import type { BatchStack } from './stack.ts';

/** The input of the state machine. */
export interface RunInput {
  readonly batch: string;
  readonly linesPerChunk: number;
  readonly concurrency: number;
  /** No lines are started after this time; ISO 8601. */
  readonly endAt: string;
}

export interface Run {
  readonly batch: string;
  readonly number: number;
  /** The status of the execution: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED. */
  readonly state: string;
  readonly arn: string;
  readonly input: RunInput;
  /** Numbers of chunks; undefined until the input is split. */
  readonly chunks: { readonly done: number; readonly failed: number; readonly total: number } | undefined;
  /** Numbers of lines; defined when the run has succeeded. */
  readonly results: { readonly answered: number; readonly failed: number } | undefined;
  /** The reason why the run failed, if Step Functions knows one. */
  readonly cause: string | undefined;
  /** Whether another run of the same input could succeed. */
  readonly isResumable: boolean;
}

const pollIntervalMs = 5_000;

/** @throws {BatchError} when the batch does not exist */
export async function describeLastRun(batch: string, stack: BatchStack): Promise<Run> {
  let found: { execution: DescribeExecutionCommandOutput; number: number } | undefined;
  for (let number = 1; ; number += 1) {
    const execution = await findRun(batch, number, stack);
    if (execution === undefined) break;
    found = { execution, number };
  }
  if (found === undefined)
    throw new BatchError(`There is no batch ${batch}: check its id, --environment and --region.`);
  const { executionArn, status, input, output, error, cause } = found.execution;
  const state = String(status);
  return {
    batch,
    number: found.number,
    state,
    arn: String(executionArn),
    input: JSON.parse(String(input)) as RunInput,
    chunks: await countChunks(String(executionArn), stack),
    results: state === 'SUCCEEDED' ? (JSON.parse(String(output)) as Run['results']) : undefined,
    cause: cause ?? error,
    isResumable: error !== 'UnusableInputError',
  };
}

async function findRun(batch: string, number: number, { stepFunctions, stateMachine }: BatchStack) {
  const executionArn = `${stateMachine.replace(':stateMachine:', ':execution:')}:${toRunName(batch, number)}`;
  try {
    return await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw error;
  }
}

async function countChunks(executionArn: string, { stepFunctions }: BatchStack): Promise<Run['chunks']> {
  const { mapRuns = [] } = await stepFunctions.send(new ListMapRunsCommand({ executionArn }));
  const mapRunArn = mapRuns[0]?.mapRunArn;
  if (mapRunArn === undefined) return undefined;
  const { itemCounts } = await stepFunctions.send(new DescribeMapRunCommand({ mapRunArn }));
  const { succeeded = 0, failed = 0, total = 0 } = itemCounts ?? {};
  return { done: succeeded, failed, total };
}

/** Polls the last run until it ends. `onProgress` is called with lines. */
export async function followLastRun(
  batch: string,
  stack: BatchStack,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void },
): Promise<Run> {
  let lines: number | undefined;
  for (;;) {
    const run = await describeLastRun(batch, stack);
    if (run.state !== 'RUNNING') return run;
    if (run.chunks !== undefined && run.chunks.total > 0) {
      lines ??= await countLines(batch, stack);
      onProgress({ done: Math.floor((run.chunks.done / run.chunks.total) * lines), total: lines });
    }
    await pause(pollIntervalMs, undefined, { signal });
  }
}

async function countLines(batch: string, { store }: BatchStack): Promise<number> {
  const chunks = JSON.parse(
    Buffer.from(await store.read(toBatchKeys(batch).chunks)).toString(),
  ) as BatchChunk[];
  return chunks.reduce((sum, chunk) => sum + chunk.lines, 0);
}

/**
 * Stops the last run of a batch.
 *
 * @throws {BatchError} when the batch does not exist or is not running
 */
export async function cancelRun(batch: string, stack: BatchStack): Promise<void> {
  const { state, arn } = await describeLastRun(batch, stack);
  if (state !== 'RUNNING') throw new BatchError(`${batch} is not running: its state is ${state}.`);
  await stack.stepFunctions.send(new StopExecutionCommand({ executionArn: arn }));
}

/**
 * Starts another run of a batch. Lines with a result are not answered again.
 *
 * @throws {BatchError} when the batch does not exist, is running, or has succeeded
 */
export async function resumeRun(batch: string, hours: number, stack: BatchStack): Promise<void> {
  const { state, number, input } = await describeLastRun(batch, stack);
  if (state === 'RUNNING') throw new BatchError(`${batch} is still running: there is nothing to resume.`);
  if (state === 'SUCCEEDED') throw new BatchError(`${batch} has succeeded: there is nothing to resume.`);
  const endAt = new Date(Date.now() + hours * 3_600_000).toISOString();
  await stack.stepFunctions.send(
    new StartExecutionCommand({
      stateMachineArn: stack.stateMachine,
      name: toRunName(batch, number + 1),
      input: JSON.stringify({ ...input, endAt } satisfies RunInput),
    }),
  );
}

/** Describes a run in one line. */
export function toStatusLine({ batch, number, state, chunks, results, cause, isResumable }: Run): string {
  const name = number === 1 ? batch : `${batch}, run ${number}`;
  if (results !== undefined)
    return `${name}: done, ${results.answered} lines answered, ${results.failed} failed.`;
  const progress = chunks === undefined ? '' : `, ${chunks.done} of ${chunks.total} chunks done`;
  if (state === 'RUNNING') return `${name}: running${progress}.`;
  if (state === 'ABORTED') return `${name}: cancelled${progress}.`;
  const reason = (cause ?? 'unknown cause').replace(/\.$/, '');
  const advice = isResumable ? ' Its results are kept: resume it to answer the remaining lines.' : '';
  return `${name}: ${state}${progress}: ${reason}.${advice}`;
}
