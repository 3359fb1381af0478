// Splits a batch's input into chunks. What they hold stays where it is: a chunk is told by where its lines are.
import { createHash } from 'node:crypto';
import { findCustomId } from '../batch-line.ts';
import { type BatchChunk, toBatchKeys } from '../batch-objects.ts';
import { type FileLine, readLines } from '../lines.ts';
import type { ObjectStore } from '../object-store.ts';

/** A chunk is read into memory at once. */
const mostChunkBytes = 16 * 1024 * 1024;

/** Ids of so many lines are held in memory, some 100 bytes each. */
const mostLines = 5_000_000;

export interface SplitBatch {
  /** The key of a JSON list of {@link BatchChunk}. */
  readonly chunks: string;
  readonly lines: number;
}

/** The batch cannot be run at all. */
class UnusableInputError extends Error {
  override readonly name = 'UnusableInputError';
}

/**
 * Lists the chunks of an input, and puts the list beside it.
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
  if (last === undefined) throw new UnusableInputError(`${keys.input} has no lines.`);
  await store.put(keys.chunks, JSON.stringify(chunks));
  return { chunks: keys.chunks, lines: last.first + last.lines };
}

/** Chunks of so many lines; fewer where the lines are long. */
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
    if (chunk && (chunk.lines >= linesPerChunk || end - chunk.start > mostChunkBytes)) yield finish(chunk);
    chunk ??= { lines: 0, start, end, duplicates: [] };
    const number = first + chunk.lines;
    if (number >= mostLines) throw new UnusableInputError(`A batch has at most ${mostLines} lines.`);
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
