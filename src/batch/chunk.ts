// Answers a chunk of a batch. Each line is answered once, even when the chunk is delivered several times.
import { RequestError } from '../errors/request-error.ts';
import type { Service } from '../http/service.ts';
import type { AnswerLinesOptions, NumberedLine } from './answer-lines.ts';
import { answerLines } from './answer-lines.ts';
import { findCustomId } from './batch-line.ts';
import { type BatchChunk, toBatchKeys, toLineNumber } from './batch-objects.ts';
import { toFailedLine, toResultId } from './batch-result.ts';
import { readLines } from './lines.ts';
import type { ObjectStore } from './object-store.ts';
import { readObjects } from './read-objects.ts';
import { StartedLines } from './started-lines.ts';

/** The event that the state machine sends. */
export interface ChunkEvent {
  readonly batch: string;
  readonly chunk: BatchChunk;
  /** No line is started after this time; ISO 8601. */
  readonly endAt?: string;
  /** Answers one line at a time. Set after no line was finished while several ran in parallel. Default: false. */
  readonly alone?: boolean;
  /**
   * Set when environments have crashed on this chunk; ISO 8601. Each line is then answered alone. A line that has
   * crashed an environment since this time is not started again.
   */
  readonly carefulSince?: string;
}

/** The response to the state machine. It sends the chunk again until no line remains. */
export interface ChunkAnswer {
  /** Number of lines without a result. */
  readonly remaining: number;
  /** True when the next events of the chunk must set `alone`. */
  readonly alone: boolean;
}

export interface ChunkOptions extends Omit<AnswerLinesOptions, 'save'> {
  /** Called with the number of lines in the chunk that have a result. */
  readonly onSaved?: (lines: number) => void;
}

/**
 * Answers the lines of a chunk that have no result yet, and saves each result at once. When all lines have a result, it
 * saves them together in one object. Only a few results are in memory at a time.
 *
 * @throws when the input cannot be read or a result cannot be saved; the state machine then sends the chunk again
 */
export async function answerChunk(
  { batch, chunk, endAt, alone = false, carefulSince }: ChunkEvent,
  store: ObjectStore,
  service: Service,
  { onSaved, ...options }: ChunkOptions,
): Promise<ChunkAnswer> {
  const keys = toBatchKeys(batch);
  if ((await store.find(keys.part(chunk))) !== undefined) {
    onSaved?.(chunk.lines);
    return done;
  }
  const answered = new Set<number>();
  for await (const { key } of store.list(keys.answers(chunk))) answered.add(toLineNumber(key));
  onSaved?.(answered.size);
  const startedLines =
    carefulSince === undefined
      ? undefined
      : new StartedLines(store, (number: number) => keys.started(carefulSince, number));
  const save = async (number: number, result: string): Promise<void> => {
    // Another environment may answer the same chunk. The first result counts.
    await store.create(keys.answer(chunk, number), result);
    answered.add(number);
    startedLines?.finish(number);
    onSaved?.(answered.size);
  };

  const lines = (await readChunk(store, keys.input, chunk)).filter(({ number }) => !answered.has(number));
  const duplicates = new Set(chunk.duplicates);
  for (const line of lines.filter(({ number }) => duplicates.has(number))) {
    await save(line.number, JSON.stringify(toDuplicate(line, `${batch}-${line.number}`)));
  }
  const { unfinished, saved } = await answerLines(
    lines.filter(({ number }) => !duplicates.has(number)),
    service,
    {
      ...options,
      alone: alone || startedLines !== undefined,
      ...(endAt !== undefined && { mayStart: () => Date.now() < Date.parse(endAt) }),
      ...(startedLines && { tryStart: ({ number }) => startedLines.tryStart(number) }),
      save: (line, result) => save(line.number, JSON.stringify(result)),
    },
  ).finally(() => startedLines?.release().catch(options.log));
  if (unfinished.length > 0) return { remaining: unfinished.length, alone: alone || saved === 0 };

  await joinAnswers(store, keys.answers(chunk), keys.part(chunk));
  return done;
}

const done: ChunkAnswer = { remaining: 0, alone: false };

/** Writes the saved results into one object, in the order of their lines. */
async function joinAnswers(store: ObjectStore, prefix: string, key: string): Promise<void> {
  const part = store.write(key);
  try {
    for await (const result of readObjects(store, store.list(prefix))) {
      for await (const piece of result) await part.write(piece);
      await part.write('\n');
    }
    await part.finish();
  } catch (error) {
    await part.abandon();
    throw error;
  }
}

async function readChunk(store: ObjectStore, key: string, chunk: BatchChunk): Promise<NumberedLine[]> {
  const bytes = await store.read(key, chunk);
  const lines = await Array.fromAsync(readLines([bytes]));
  if (lines.length !== chunk.lines) {
    throw new Error(`${key} has changed: expected ${chunk.lines} lines in the chunk, found ${lines.length}.`);
  }
  return lines.map(({ text }, index) => ({ number: chunk.first + index, text }));
}

function toDuplicate({ text }: NumberedLine, id: string) {
  const message = 'An earlier line of the batch has the same custom_id: give each line its own.';
  return toFailedLine(toResultId(id), findCustomId(text), new RequestError('duplicate_custom_id', message));
}
