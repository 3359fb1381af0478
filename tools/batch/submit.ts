// Submits a file: checks it, uploads it, and starts the state machine.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { ExecutionAlreadyExists, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Upload } from '@aws-sdk/lib-storage';
import { parseBatchLine } from '../../src/batch/batch-line.ts';
import { batchIdPattern, toBatchKeys } from '../../src/batch/batch-objects.ts';
import { maxLines } from '../../src/batch/files/split.ts';
import { readLines } from '../../src/batch/lines.ts';
import { toRunName } from '../../src/batch/run-names.ts';
import { dollarsPerSecond } from '../deploy/lambda-prices.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import type { RunInput } from './runs.ts';
import type { BatchStack } from './stack.ts';

export interface SubmitOptions {
  readonly id?: string;
  /** Lambda environments that work in parallel. */
  readonly concurrency: number;
  /** Hours after which no more lines are started. */
  readonly hours: number;
  readonly linesPerChunk: number;
  readonly signal: AbortSignal;
  /** Called after the file was checked, before it is uploaded. */
  readonly onPlanned: (plan: BatchPlan) => void;
  /** Called with uploaded bytes. */
  readonly onProgress: (progress: Progress) => void;
}

export interface BatchPlan {
  readonly id: string;
  readonly lines: number;
  /** Lines that are not valid requests; undefined when all are valid. */
  readonly invalid: { readonly count: number; readonly first: string } | undefined;
  /**
   * Upper limit of the cost in US dollars: all environments run until the end, and each line and chunk is one PUT and
   * one GET.
   */
  readonly maxDollars: number;
}

/** Hours that an invocation may last after the end time: Lambda's limit of 15 minutes. */
const lastInvocationHours = 0.25;

/** US dollars in us-east-1. https://aws.amazon.com/s3/pricing/ https://aws.amazon.com/step-functions/pricing/ */
const dollarsPerPut = 0.000005;
const dollarsPerGet = 0.0000004;
const dollarsPerTransition = 0.000025;

/** State transitions of a chunk: its start and its four states. */
const transitionsPerChunk = 5;

/** `started` by this call, `submitted` by an earlier one, or `answered`: the batch has its results. */
export type Submission = 'started' | 'submitted' | 'answered';

/**
 * Submits a file unless it was submitted before.
 *
 * @throws {BatchError} when the file does not exist, has no valid request or too many lines, or the id belongs to another file
 * @throws the signal's reason when aborted; the state machine is not started then
 */
export async function submitFile(
  file: string,
  stack: BatchStack,
  { id: givenId, concurrency, hours, linesPerChunk, signal, onPlanned, onProgress }: SubmitOptions,
): Promise<Submission> {
  const { lines, invalid, sha256, bytes } = await checkFile(file, signal);
  const id = givenId ?? toId(file, sha256);
  if (!batchIdPattern.test(id)) {
    throw new BatchError(
      `The batch id ${JSON.stringify(id)} is invalid: use at most 72 letters, digits, - and _.`,
    );
  }
  const keys = toBatchKeys(id);
  const uploaded = await stack.store.find(keys.input);
  if (uploaded !== undefined && uploaded.sha256 !== sha256) {
    throw new BatchError(`The batch id ${id} belongs to another file: choose another --id.`);
  }
  const seconds = (hours + lastInvocationHours) * 3600 * concurrency;
  const chunks = Math.ceil(lines / linesPerChunk);
  const maxDollars =
    seconds * dollarsPerSecond(stack.megabytes, stack.architecture) +
    (lines + chunks) * (dollarsPerPut + dollarsPerGet) +
    chunks * transitionsPerChunk * dollarsPerTransition;
  onPlanned({ id, lines, invalid, maxDollars });
  // Look for the results: they outlive the execution, which Step Functions deletes after 90 days.
  if (uploaded !== undefined && (await stack.store.find(keys.output)) !== undefined) return 'answered';
  if (uploaded === undefined) {
    const params = {
      Bucket: stack.store.bucket,
      Key: keys.input,
      Body: createReadStream(file),
      Metadata: { sha256 },
    };
    const upload = new Upload({ client: stack.store.client, params });
    upload.on('httpUploadProgress', ({ loaded = 0 }) => onProgress({ done: loaded, total: bytes }));
    const abort = () => void upload.abort();
    signal.addEventListener('abort', abort, { once: true });
    await upload.done();
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
  const endAt = new Date(Date.now() + hours * 3_600_000).toISOString();
  const input: RunInput = { batch: id, linesPerChunk, concurrency, endAt };
  return startOnce(() =>
    stack.stepFunctions.send(
      new StartExecutionCommand({
        stateMachineArn: stack.stateMachine,
        name: toRunName(id, 1),
        input: JSON.stringify(input),
      }),
    ),
  );
}

/** Starts a run unless a run of this name exists. */
async function startOnce(start: () => Promise<unknown>): Promise<Submission> {
  try {
    await start();
    return 'started';
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) return 'submitted';
    throw error;
  }
}

/** Reads and checks the whole file, so that an invalid file is found before the upload and its cost. */
async function checkFile(file: string, signal: AbortSignal) {
  const { size: bytes } = await stat(file).catch(() => {
    throw new BatchError(`There is no file ${file}: check the path.`);
  });
  const hash = createHash('sha256');
  async function* hashed() {
    for await (const piece of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
      hash.update(piece);
      yield piece;
    }
  }
  let lines = 0;
  let count = 0;
  let first = '';
  for await (const { text } of readLines(hashed())) {
    signal.throwIfAborted();
    lines += 1;
    if (lines > maxLines)
      throw new BatchError(`${file} has more than ${maxLines} lines: split it into several batches.`);
    try {
      parseBatchLine(text);
    } catch (error) {
      count += 1;
      first ||= `line ${lines}: ${(error as Error).message}`;
    }
  }
  signal.throwIfAborted();
  if (lines === 0) throw new BatchError(`${file} has no lines: it needs at least one request.`);
  if (count === lines) throw new BatchError(`${file} has no valid request: ${first}`);
  return { lines, bytes, sha256: hash.digest('hex'), invalid: count === 0 ? undefined : { count, first } };
}

function toId(file: string, sha256: string): string {
  const name = basename(file, extname(file))
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 48);
  return `${name}-${sha256.slice(0, 12)}`;
}
