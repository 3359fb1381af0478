// Counts the results of a chunk. The state machine compares two counts, because a function that crashes returns none.
import { toBatchKeys } from '../batch-objects.ts';
import type { ObjectStore } from '../object-store.ts';

export interface CountedAnswers {
  readonly answered: number;
}

/**
 * Counts the lines of a chunk that have a result.
 *
 * @param first the number of the chunk's first line
 */
export async function countAnswers(
  batch: string,
  first: number,
  store: ObjectStore,
): Promise<CountedAnswers> {
  const answers = await Array.fromAsync(store.list(toBatchKeys(batch).answers({ first })));
  return { answered: answers.length };
}
