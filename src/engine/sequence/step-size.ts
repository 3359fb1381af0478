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

/** What the logits of a decode may take. It is a part of what a start counts for requests: llama.cpp keeps the memory of the largest one. */
const logitsBytes = 16 * 1024 * 1024;
/** Of a number: in the buffer of the evaluation, and in that of the results. */
const bytesPerLogit = 2 * 4;

/** The most tokens of one decode whose logits are wanted, for each sequence of a context that scores branches. */
export function mostOutputsOf(sequences: number, vocabularySize: number): number {
  return Math.max(1, Math.floor(logitsBytes / (bytesPerLogit * vocabularySize * sequences)));
}

/** The most tokens of one decode: a piece of a prompt and a token of each other sequence go together. */
export function toBatchSize({ sequences, longestStep }: { sequences: number; longestStep: number }): number {
  return longestStep + sequences - 1;
}
