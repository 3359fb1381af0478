// Joins the results of all chunks into the output file and the error file, in the order of the input.
import { toBatchKeys } from '../batch-objects.ts';
import { type BatchResult, isAnswered } from '../batch-result.ts';
import { readLines } from '../lines.ts';
import type { ObjectStore } from '../object-store.ts';
import { readObjects } from '../read-objects.ts';

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
    for await (const part of readObjects(store, store.list(keys.parts))) {
      for await (const { text } of readLines(part)) {
        const isOutput = isAnswered(JSON.parse(Buffer.from(text).toString()) as BatchResult);
        if (isOutput) answered += 1;
        else failed += 1;
        const file = isOutput ? output : errors;
        await file.write(text);
        await file.write('\n');
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
