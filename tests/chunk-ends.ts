// Where the pieces of a prompt end, for the tests of how they are cut and of how they are rounded.
import { chunkEnd } from '../src/engine/prompt/prompt-chunks.ts';

export interface ChunkEndOptions {
  /** The lengths of the known beginnings that the prompt has. Default: none. */
  readonly breaks?: readonly number[];
  /** The most tokens that whole blocks may be together. Default: more than any test has. */
  readonly longest?: number;
  /** Where the first piece begins. Default: 0. */
  readonly from?: number;
}

export function chunkEnds(
  length: number,
  { breaks = [], longest = 1024, from = 0 }: ChunkEndOptions = {},
): number[] {
  const ends: number[] = [];
  for (let position = from; position < length; position = ends.at(-1) ?? length) {
    ends.push(Math.min(length, chunkEnd(position, { length, breaks }, longest)));
  }
  return ends;
}
