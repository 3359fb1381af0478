// Runs of a batch: executions of the state machine. The first is named after the batch, and each resumption is another.

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

/** What the state machine is given. */
export interface RunInput {
  readonly batch: string;
  readonly linesPerChunk: number;
  readonly concurrency: number;
  /** ISO 8601; no lines are begun after it. */
  readonly endAt: string;
}

/** A run, and how far it is. */
export interface Run {
  readonly batch: string;
  readonly number: number;
  /** Step Functions' own word: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED. */
  readonly state: string;
  readonly arn: string;
  readonly input: RunInput;
  /** Of chunks; nothing before they are listed. */
  readonly chunks: { readonly done: number; readonly failed: number; readonly total: number } | undefined;
  /** Of a run that succeeded, lines. */
  readonly results: { readonly answered: number; readonly failed: number } | undefined;
  /** Of one that failed. */
  readonly cause: string | undefined;
}

/** Milliseconds from one look to the next. */
const lookEvery = 5_000;

/** @throws {BatchError} when there is no such batch */
export async function describeLastRun(batch: string, stack: BatchStack): Promise<Run> {
  let found: { execution: DescribeExecutionCommandOutput; number: number } | undefined;
  for (let number = 1; ; number += 1) {
    const execution = await findRun(batch, number, stack);
    if (execution === undefined) break;
    found = { execution, number };
  }
  if (found === undefined) throw new BatchError(`There is no batch ${batch}.`);
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

/** Looks until the run is over. */
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
    await pause(lookEvery, undefined, { signal });
  }
}

async function countLines(batch: string, { store }: BatchStack): Promise<number> {
  const chunks = JSON.parse(
    Buffer.from(await store.read(toBatchKeys(batch).chunks)).toString(),
  ) as BatchChunk[];
  return chunks.reduce((sum, chunk) => sum + chunk.lines, 0);
}

/** @throws {BatchError} when there is no such batch, or it is over */
export async function cancelRun(batch: string, stack: BatchStack): Promise<void> {
  const { state, arn } = await describeLastRun(batch, stack);
  if (state !== 'RUNNING') throw new BatchError(`${batch} is over already: ${state}.`);
  await stack.stepFunctions.send(new StopExecutionCommand({ executionArn: arn }));
}

/**
 * Starts another run of a batch. What has a result is not answered again.
 *
 * @throws {BatchError} when there is no such batch, it runs, or it is done
 */
export async function resumeRun(batch: string, hours: number, stack: BatchStack): Promise<void> {
  const { state, number, input } = await describeLastRun(batch, stack);
  if (state === 'RUNNING') throw new BatchError(`${batch} is running.`);
  if (state === 'SUCCEEDED') throw new BatchError(`${batch} is done: there is nothing to resume.`);
  const endAt = new Date(Date.now() + hours * 3_600_000).toISOString();
  await stack.stepFunctions.send(
    new StartExecutionCommand({
      stateMachineArn: stack.stateMachine,
      name: toRunName(batch, number + 1),
      input: JSON.stringify({ ...input, endAt } satisfies RunInput),
    }),
  );
}

/** One line. */
export function toStatusLine({ batch, number, state, chunks, results, cause }: Run): string {
  const which = number === 1 ? batch : `${batch}, run ${number}`;
  if (results !== undefined)
    return `${which}: done, ${results.answered} lines answered, ${results.failed} failed.`;
  const progress = chunks === undefined ? '' : `, ${chunks.done} of ${chunks.total} chunks done`;
  if (state === 'RUNNING') return `${which}: running${progress}.`;
  if (state === 'ABORTED') return `${which}: cancelled${progress}.`;
  return `${which}: ${state}${progress}: ${cause ?? 'no cause is known'}. What was answered is kept: resume it.`;
}
