// Splits a batch's input into chunks. What they hold stays where it is: a chunk is told by where its lines are.
import { createHash } from 'node:crypto';
import { findCustomId } from '../shared/batch/batch-line.ts';
import { type BatchChunk, toBatchKeys } from '../shared/batch/batch-objects.ts';
import { type FileLine, readLines } from '../shared/batch/lines.ts';
import type { ObjectStore } from '../shared/batch/object-store.ts';

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
  let chunk: FileLine[] = [];
  let duplicates: number[] = [];
  let first = 0;
  const finish = (): BatchChunk => {
    const finished: BatchChunk = {
      first,
      lines: chunk.length,
      start: chunk[0]?.start ?? 0,
      end: chunk.at(-1)?.end ?? 0,
      ...(duplicates.length > 0 && { duplicates }),
    };
    first += chunk.length;
    chunk = [];
    duplicates = [];
    return finished;
  };
  for await (const line of lines) {
    const bytes = line.end - (chunk[0]?.start ?? line.start);
    if (chunk.length >= linesPerChunk || (chunk.length > 0 && bytes > mostChunkBytes)) yield finish();
    const number = first + chunk.length;
    if (number >= mostLines) throw new UnusableInputError(`A batch has at most ${mostLines} lines.`);
    const id = findCustomId(line.text);
    const digest = id === null ? undefined : createHash('sha256').update(id).digest('base64');
    if (digest !== undefined && seen.has(digest)) duplicates.push(number);
    if (digest !== undefined) seen.add(digest);
    // Where it is, is all that is kept of it.
    chunk.push({ ...line, text: nothing });
  }
  if (chunk.length > 0) yield finish();
}

const nothing = new Uint8Array();
