// Downloads the results of a batch. A file is there when it is whole.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { toBatchKeys } from '../functions/shared/batch/batch-objects.ts';
import type { Progress } from '../terminal/pace.ts';
import { BatchError } from './failure.ts';
import { describeLastRun, toStatusLine } from './runs.ts';
import type { BatchStack } from './stack.ts';

export interface ResultFile {
  readonly path: string;
  readonly lines: number;
}

/** @throws {BatchError} when there is no such batch, or it is not done */
export async function fetchResults(
  batch: string,
  stack: BatchStack,
  directory: string,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void },
): Promise<ResultFile[]> {
  const run = await describeLastRun(batch, stack);
  if (run.results === undefined) throw new BatchError(toStatusLine(run));
  await mkdir(directory, { recursive: true });
  const keys = toBatchKeys(batch);
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

/** Returns how many lines there are. */
async function download(
  key: string,
  path: string,
  { store }: BatchStack,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void },
): Promise<number> {
  const part = `${path}.part`;
  const file = createWriteStream(part);
  let done = 0;
  let lines = 0;
  try {
    for await (const piece of await store.stream(key)) {
      signal.throwIfAborted();
      if (!file.write(piece)) await once(file, 'drain');
      done += piece.length;
      for (const byte of piece) if (byte === 0x0a) lines += 1;
      onProgress({ done, total: null });
    }
    file.end();
    await finished(file);
    await rename(part, path);
    return lines;
  } catch (error) {
    file.destroy();
    await rm(part, { force: true });
    throw error;
  }
}
