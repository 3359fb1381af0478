// A chunk of a batch: some lines of its input, answered once, however often the chunk is delivered.
import pMap from 'p-map';
import { RequestError } from '../errors/request-error.ts';
import type { Service } from '../http/service.ts';
import type { AnswerLinesOptions, NumberedLine } from './answer-lines.ts';
import { answerLines } from './answer-lines.ts';
import { findCustomId } from './batch-line.ts';
import { type BatchChunk, toBatchKeys, toLineNumber } from './batch-objects.ts';
import { toFailedLine, toResultId } from './batch-result.ts';
import { BegunLines } from './begun-lines.ts';
import { readLines } from './lines.ts';
import type { ObjectStore } from './object-store.ts';

/** What the state machine sends. */
export interface ChunkEvent {
  readonly batch: string;
  readonly chunk: BatchChunk;
  /** No line is begun after it; ISO 8601. */
  readonly endAt?: string;
  /** Whether lines are to be answered one after the other: together, none of them got done. */
  readonly alone?: boolean;
  /**
   * When the state machine began to send the chunk with care, because environments died of it; ISO 8601. Each line is
   * answered alone, and one that an environment has died of since then is not begun again.
   */
  readonly carefulSince?: string;
}

/** What it gets: it sends the chunk again until no line remains. */
export interface ChunkAnswer {
  /** How many lines there was no time for. */
  readonly remaining: number;
  /** Whether they are to be answered one after the other. */
  readonly alone: boolean;
}

export interface ChunkOptions extends Omit<AnswerLinesOptions, 'keep'> {
  /** Called with how many lines of the chunk have a result. */
  readonly onKept?: (lines: number) => void;
}

/** How many objects are read at once. */
const readsAtOnce = 32;

/**
 * Answers the lines of a chunk that have no result yet, each kept as soon as it is there, and then keeps them all together.
 *
 * @throws when the input cannot be read or a result not be kept: then the chunk is to be sent again
 */
export async function answerChunk(
  { batch, chunk, endAt, alone = false, carefulSince }: ChunkEvent,
  store: ObjectStore,
  service: Service,
  { onKept, ...options }: ChunkOptions,
): Promise<ChunkAnswer> {
  const keys = toBatchKeys(batch);
  if ((await store.find(keys.part(chunk))) !== undefined) {
    onKept?.(chunk.lines);
    return done;
  }
  const results = await readAnswers(store, keys.answers(chunk));
  onKept?.(results.size);
  const begun =
    carefulSince === undefined
      ? undefined
      : new BegunLines(store, (number) => keys.begun(carefulSince, number));
  const keep = async (number: number, result: string): Promise<void> => {
    const key = keys.answer(chunk, number);
    // Another environment may have been sent the same chunk: whose result is there first, that one counts.
    const outcome = await store.create(key, result);
    results.set(number, outcome === 'created' ? result : toText(await store.read(key)));
    begun?.settle(number);
    onKept?.(results.size);
  };

  const lines = (await readChunk(store, keys.input, chunk)).filter(({ number }) => !results.has(number));
  const duplicates = new Set(chunk.duplicates);
  for (const line of lines.filter(({ number }) => duplicates.has(number))) {
    await keep(line.number, JSON.stringify(toDuplicate(line, `${batch}-${line.number}`)));
  }
  const { handedBack, kept } = await answerLines(
    lines.filter(({ number }) => !duplicates.has(number)),
    service,
    {
      ...options,
      alone: alone || begun !== undefined,
      ...(endAt !== undefined && { mayBegin: () => Date.now() < Date.parse(endAt) }),
      ...(begun && { begin: ({ number }) => begun.begin(number) }),
      keep: (line, result) => keep(line.number, JSON.stringify(result)),
    },
  ).finally(() => begun?.release().catch(options.log));
  if (handedBack.length > 0) return { remaining: handedBack.length, alone: kept === 0 };

  const sorted = [...results].toSorted(([one], [other]) => one - other);
  await store.create(keys.part(chunk), sorted.map(([, result]) => `${result}\n`).join(''));
  return done;
}

const done: ChunkAnswer = { remaining: 0, alone: false };

/** Results that an earlier delivery of the chunk has kept, by their lines' numbers. */
async function readAnswers(store: ObjectStore, prefix: string): Promise<Map<number, string>> {
  const keys = await Array.fromAsync(store.list(prefix));
  const read = async (key: string) => [toLineNumber(key), toText(await store.read(key))] as const;
  return new Map(await pMap(keys, read, { concurrency: readsAtOnce }));
}

async function readChunk(store: ObjectStore, key: string, chunk: BatchChunk): Promise<NumberedLine[]> {
  const bytes = await store.read(key, chunk);
  const lines = await Array.fromAsync(readLines([bytes]));
  if (lines.length !== chunk.lines) {
    throw new Error(`${key} has changed: ${lines.length} lines where ${chunk.lines} were.`);
  }
  return lines.map(({ text }, index) => ({ number: chunk.first + index, text }));
}

function toDuplicate({ text }: NumberedLine, id: string) {
  const message = 'An earlier line of the batch has the same custom_id.';
  return toFailedLine(toResultId(id), findCustomId(text), new RequestError('duplicate_custom_id', message));
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
