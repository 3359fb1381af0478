// Joins the results of all chunks into the output file and the error file, in the order of the input.
import pMap from 'p-map';
import { toBatchKeys } from '../batch-objects.ts';
import { type BatchResult, isAnswered } from '../batch-result.ts';
import type { ObjectStore } from '../object-store.ts';

/** Parts that are read in parallel and held in memory. */
const readConcurrency = 4;

export interface JoinedBatch {
  /** Key of the output file. */
  readonly output: string;
  /** Key of the error file. */
  readonly errors: string;
  /** Number of lines in the output file. */
  readonly answered: number;
  /** Number of lines in the error file. */
  readonly failed: number;
}

class MissingResultsError extends Error {
  override readonly name = 'MissingResultsError';
}

/** @throws {MissingResultsError} when there are fewer results than lines */
export async function joinBatch(batch: string, lines: number, store: ObjectStore): Promise<JoinedBatch> {
  const keys = toBatchKeys(batch);
  const output = store.write(keys.output);
  const errors = store.write(keys.errors);
  try {
    let answered = 0;
    let failed = 0;
    for await (const part of readParts(store, keys.parts)) {
      for (const line of part.split('\n')) {
        if (line === '') continue;
        const isOutput = isAnswered(JSON.parse(line) as BatchResult);
        if (isOutput) answered += 1;
        else failed += 1;
        await (isOutput ? output : errors).write(`${line}\n`);
      }
    }
    if (answered + failed !== lines) {
      throw new MissingResultsError(`Batch ${batch} has ${answered + failed} results for ${lines} lines.`);
    }
    await Promise.all([output.finish(), errors.finish()]);
    return { output: keys.output, errors: keys.errors, answered, failed };
  } catch (error) {
    await Promise.all([output.abandon(), errors.abandon()]);
    throw error;
  }
}

/** Reads the texts of all parts in order. */
async function* readParts(store: ObjectStore, prefix: string): AsyncGenerator<string, void, void> {
  const read = async (key: string) => Buffer.from(await store.read(key)).toString();
  let keys: string[] = [];
  for await (const key of store.list(prefix)) {
    keys.push(key);
    if (keys.length < readConcurrency) continue;
    yield* await pMap(keys, read);
    keys = [];
  }
  yield* await pMap(keys, read);
}
