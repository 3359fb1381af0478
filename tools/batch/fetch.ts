// Downloads the results of a batch. A file gets its name when it is complete.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { toBatchKeys } from '../../src/batch/batch-objects.ts';
import { replaceFile } from '../store/replace-file.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import { describeLastRun, toStatusLine } from './runs.ts';
import type { BatchStack } from './stack.ts';

export interface ResultFile {
  readonly path: string;
  readonly lines: number;
}

interface FetchOptions {
  readonly signal: AbortSignal;
  /** Called with bytes. */
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Downloads the output file and the error file into a directory.
 *
 * @throws {BatchError} when the batch does not exist or has not succeeded, or a file cannot be written
 */
export async function fetchResults(
  batch: string,
  stack: BatchStack,
  directory: string,
  options: FetchOptions,
): Promise<ResultFile[]> {
  const keys = toBatchKeys(batch);
  // Look for the results first: they outlive the execution, which Step Functions deletes after 90 days.
  if ((await stack.store.find(keys.errors)) === undefined) {
    throw new BatchError(toStatusLine(await describeLastRun(batch, stack)));
  }
  const files = [];
  for (const [key, kind] of [
    [keys.output, 'output'],
    [keys.errors, 'errors'],
  ] as const) {
    const path = join(directory, `${batch}.${kind}.jsonl`);
    files.push({ path, lines: await download(key, path, stack, options) });
  }
  return files;
}

/** Downloads an object and returns its number of lines. */
async function download(
  key: string,
  path: string,
  { store }: BatchStack,
  { signal, onProgress }: FetchOptions,
): Promise<number> {
  let done = 0;
  let lines = 0;
  async function* counted(pieces: AsyncIterable<Uint8Array>) {
    for await (const piece of pieces) {
      done += piece.length;
      for (const byte of piece) if (byte === 0x0a) lines += 1;
      onProgress({ done, total: null });
      yield piece;
    }
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, async (temporary) =>
      pipeline(await store.stream(key), counted, createWriteStream(temporary, { flags: 'wx' }), { signal }),
    );
    return lines;
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || signal.aborted) throw error;
    throw new BatchError(
      `${path} cannot be written: ${(error as Error).message}. Choose another directory with --to.`,
    );
  }
}
