// Submits a file: it is checked and uploaded, and then the state machine starts.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { ExecutionAlreadyExists, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Upload } from '@aws-sdk/lib-storage';
import { parseBatchLine } from '../../src/batch/batch-line.ts';
import { batchIdPattern, toBatchKeys } from '../../src/batch/batch-objects.ts';
import { readLines } from '../../src/batch/lines.ts';
import { toRunName } from '../../src/batch/run-names.ts';
import { dollarsPerSecond } from '../deploy/lambda-prices.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import type { RunInput } from './runs.ts';
import type { BatchStack } from './stack.ts';

export interface SubmitOptions {
  readonly id?: string;
  /** Environments that may work at once. */
  readonly concurrency: number;
  /** After so long no more lines are begun. */
  readonly hours: number;
  readonly linesPerChunk: number;
  readonly signal: AbortSignal;
  /** Called once the file was looked at, before anything is uploaded. */
  readonly onPlanned: (plan: BatchPlan) => void;
  /** Of the upload, in bytes. */
  readonly onProgress: (progress: Progress) => void;
}

export interface BatchPlan {
  readonly id: string;
  readonly lines: number;
  /** Lines that are no requests, if there are any. */
  readonly wrong: { readonly count: number; readonly first: string } | undefined;
  /** What it costs at most, in US dollars: all environments until the time is up, and a request of each kind for each line. */
  readonly mostDollars: number;
}

/** What an invocation that begins at the last moment may take, in hours. */
const lastInvocationHours = 0.25;

/** US dollars in us-east-1. https://aws.amazon.com/s3/pricing/ https://aws.amazon.com/step-functions/pricing/ */
const dollarsPerPut = 0.000005;
const dollarsPerTransition = 0.000025;

/** Of one chunk: its start, and the four states that it enters. */
const transitionsPerChunk = 5;

/**
 * Submits a file, once.
 *
 * @returns whether it was submitted now, and not before
 * @throws {BatchError} when the file cannot be read or has no request, or the id is taken by another file
 * @throws the signal's reason when aborted: nothing has started then
 */
export async function submitFile(
  file: string,
  stack: BatchStack,
  { id: givenId, concurrency, hours, linesPerChunk, signal, onPlanned, onProgress }: SubmitOptions,
): Promise<boolean> {
  const { lines, wrong, sha256, bytes } = await checkFile(file, signal);
  const id = givenId ?? toId(file, sha256);
  if (!batchIdPattern.test(id)) {
    throw new BatchError(`A batch cannot be called ${id}: use letters, digits, - and _, at most 72.`);
  }
  const keys = toBatchKeys(id);
  const uploaded = await stack.store.find(keys.input);
  if (uploaded !== undefined && uploaded.sha256 !== sha256) {
    throw new BatchError(`${id} is the batch of another file: choose another --id.`);
  }
  const seconds = (hours + lastInvocationHours) * 3600 * concurrency;
  const chunks = Math.ceil(lines / linesPerChunk);
  const mostDollars =
    seconds * dollarsPerSecond(stack.megabytes, stack.architecture) +
    (lines + chunks) * dollarsPerPut +
    chunks * transitionsPerChunk * dollarsPerTransition;
  onPlanned({ id, lines, wrong, mostDollars });
  // Step Functions forgets an execution after 90 days, and results stay.
  if (uploaded !== undefined && (await stack.store.find(keys.output)) !== undefined) return false;
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

/** Whether it was started now; a run of the same name was started before. */
async function startOnce(start: () => Promise<unknown>): Promise<boolean> {
  try {
    await start();
    return true;
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) return false;
    throw error;
  }
}

/** Reads the whole file: the service charges for what is uploaded, and a wrong file is best found out here. */
async function checkFile(file: string, signal: AbortSignal) {
  const { size: bytes } = await stat(file).catch(() => {
    throw new BatchError(`There is no file ${file}.`);
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
    try {
      parseBatchLine(text);
    } catch (error) {
      count += 1;
      first ||= `line ${lines}: ${(error as Error).message}`;
    }
  }
  signal.throwIfAborted();
  if (lines === 0) throw new BatchError(`${file} has no lines.`);
  if (count === lines) throw new BatchError(`${file} has no request: ${first}`);
  return { lines, bytes, sha256: hash.digest('hex'), wrong: count === 0 ? undefined : { count, first } };
}

function toId(file: string, sha256: string): string {
  const name = basename(file, extname(file))
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 48);
  return `${name}-${sha256.slice(0, 12)}`;
}
