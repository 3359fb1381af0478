// How many tokens are evaluated together.
import { blockSize, longestChunk } from '../prompt/prompt-chunks.ts';

/**
 * The most tokens of a prompt that are evaluated together. A prompt that is scored needs the logits of each token, which take
 * more memory than all else. In a context of several slots, the texts of the others wait for the piece.
 */
export function longestStepOf(slots: number, scoring: boolean): number {
  if (scoring) return blockSize;
  return slots > 1 ? 2 * blockSize : longestChunk;
}

/** The most tokens of one decode: a piece of a prompt and a token of each other sequence go together. */
export function toBatchSize({ sequences, longestStep }: { sequences: number; longestStep: number }): number {
  return longestStep + sequences - 1;
}
