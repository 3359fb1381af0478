// Splits a batch's input into chunks. No line is copied: a chunk is a range of bytes in the input.
import { createHash } from 'node:crypto';
import { findCustomId } from '../batch-line.ts';
import { type BatchChunk, toBatchKeys } from '../batch-objects.ts';
import { type FileLine, readLines } from '../lines.ts';
import type { ObjectStore } from '../object-store.ts';

/** Limit of a chunk: the function reads the whole chunk into memory. A single longer line still makes a chunk. */
const maxChunkBytes = 16 * 1024 * 1024;

/** Limit of a batch: a digest of every id is held in memory, about 100 bytes each. */
export const maxLines = 5_000_000;

export interface SplitBatch {
  /** The key of a JSON list of {@link BatchChunk}. */
  readonly chunks: string;
  readonly lines: number;
}

/** The input of the batch cannot be used. */
class UnusableInputError extends Error {
  override readonly name = 'UnusableInputError';
}

/**
 * Splits an input into chunks, and saves the list of chunks.
 *
 * @throws {UnusableInputError} when there are no lines, or too many
 */
export async function splitBatch(
  batch: string,
  linesPerChunk: number,
  store: ObjectStore,
): Promise<SplitBatch> {
  const keys = toBatchKeys(batch);
  const chunks = await Array.fromAsync(toChunks(readLines(await store.stream(keys.input)), linesPerChunk));
  const last = chunks.at(-1);
  if (last === undefined)
    throw new UnusableInputError(`${keys.input} has no lines: it needs at least one request.`);
  await store.put(keys.chunks, JSON.stringify(chunks));
  return { chunks: keys.chunks, lines: last.first + last.lines };
}

/** Groups lines into chunks of `linesPerChunk` lines, or fewer when the lines are long. */
export async function* toChunks(
  lines: AsyncIterable<FileLine>,
  linesPerChunk: number,
): AsyncGenerator<BatchChunk, void, void> {
  const seen = new Set<string>();
  let first = 0;
  let chunk: { lines: number; start: number; end: number; duplicates: number[] } | undefined;
  const finish = ({ lines: count, start, end, duplicates }: NonNullable<typeof chunk>): BatchChunk => {
    const finished = { first, lines: count, start, end, ...(duplicates.length > 0 && { duplicates }) };
    first += count;
    chunk = undefined;
    return finished;
  };
  for await (const { text, start, end } of lines) {
    if (chunk && (chunk.lines >= linesPerChunk || end - chunk.start > maxChunkBytes)) yield finish(chunk);
    chunk ??= { lines: 0, start, end, duplicates: [] };
    const number = first + chunk.lines;
    if (number >= maxLines)
      throw new UnusableInputError(
        `The input has more than ${maxLines} lines: split it into several batches.`,
      );
    chunk.lines += 1;
    chunk.end = end;
    const id = findCustomId(text);
    if (id === null) continue;
    const digest = createHash('sha256').update(id).digest('base64');
    if (seen.has(digest)) chunk.duplicates.push(number);
    seen.add(digest);
  }
  if (chunk) yield finish(chunk);
}
