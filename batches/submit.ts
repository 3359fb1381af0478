// Submits a file: it is checked and uploaded, and then the state machine starts.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { ExecutionAlreadyExists, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Upload } from '@aws-sdk/lib-storage';
import { parseBatchLine } from '../functions/shared/batch/batch-line.ts';
import { batchIdPattern, toBatchKeys } from '../functions/shared/batch/batch-objects.ts';
import { readLines } from '../functions/shared/batch/lines.ts';
import { dollarsPerSecond } from '../infra/lambda-prices.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import { type RunInput, toRunName } from './runs.ts';
import type { BatchStack } from './stack.ts';

export interface SubmitOptions {
  readonly id?: string;
  /** Environments that may work at once. */
  readonly concurrency: number;
  /** After so long no more lines are begun. */
  readonly hours: number;
  readonly linesPerChunk: number;
  readonly signal: AbortSignal;
  /** Of the upload, in bytes. */
  readonly onProgress: (progress: Progress) => void;
}

export interface Submitted {
  readonly id: string;
  /** Whether it was submitted just now, and not before. */
  readonly isNew: boolean;
  readonly lines: number;
  /** Lines that are no requests, if there are any. */
  readonly wrong: { readonly count: number; readonly first: string } | undefined;
  /** What all environments cost, if they work until the time is up. */
  readonly mostDollars: number;
}

/** What an invocation that begins at the last moment may take, in hours. */
const lastInvocationHours = 0.25;

/** @throws {BatchError} when the file cannot be read or has no request, or the id is taken by another file */
export async function submitFile(
  file: string,
  stack: BatchStack,
  { id: givenId, concurrency, hours, linesPerChunk, signal, onProgress }: SubmitOptions,
): Promise<Submitted> {
  const { lines, wrong, sha256, bytes } = await checkFile(file);
  const id = givenId ?? toId(file, sha256);
  if (!batchIdPattern.test(id)) {
    throw new BatchError(`A batch cannot be called ${id}: use letters, digits, - and _, at most 72.`);
  }
  const key = toBatchKeys(id).input;
  const uploaded = await stack.store.find(key);
  if (uploaded !== undefined && uploaded.sha256 !== sha256) {
    throw new BatchError(`${id} is the batch of another file: choose another --id.`);
  }
  if (uploaded === undefined) {
    const upload = new Upload({
      client: stack.store.client,
      params: { Bucket: stack.store.bucket, Key: key, Body: createReadStream(file), Metadata: { sha256 } },
    });
    upload.on('httpUploadProgress', ({ loaded = 0 }) => onProgress({ done: loaded, total: bytes }));
    signal.addEventListener('abort', () => void upload.abort(), { once: true });
    await upload.done();
  }
  const endAt = new Date(Date.now() + hours * 3_600_000).toISOString();
  const input: RunInput = { batch: id, linesPerChunk, concurrency, endAt };
  const { stepFunctions, stateMachine, megabytes, architecture } = stack;
  const isNew = await startOnce(() =>
    stepFunctions.send(
      new StartExecutionCommand({
        stateMachineArn: stateMachine,
        name: toRunName(id, 1),
        input: JSON.stringify(input),
      }),
    ),
  );
  const seconds = (hours + lastInvocationHours) * 3600 * concurrency;
  const mostDollars = seconds * dollarsPerSecond(megabytes, architecture);
  return { id, isNew, lines, wrong, mostDollars };
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
async function checkFile(file: string) {
  const { size: bytes } = await stat(file).catch(() => {
    throw new BatchError(`There is no file ${file}.`);
  });
  const hash = createHash('sha256');
  async function* hashed() {
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(piece);
      yield piece;
    }
  }
  let lines = 0;
  let count = 0;
  let first = '';
  for await (const { text } of readLines(hashed())) {
    lines += 1;
    try {
      parseBatchLine(text);
    } catch (error) {
      count += 1;
      first ||= `line ${lines}: ${(error as Error).message}`;
    }
  }
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
