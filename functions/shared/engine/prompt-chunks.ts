// Where a prompt is cut into the pieces that are evaluated together. llama.cpp rounds differently for pieces of
// different sizes, so where they lie depends on nothing but the position, and on the beginnings that are known
// beforehand: then a prompt whose beginning is cached gives to the last bit what it gives without a cache.

/** No piece is longer. An abort is seen between pieces, and the compute buffers grow with them. */
export const longestChunk = 128;

/** Small pieces first, so that short prompts have something to reuse. */
export const smallChunk = 32;

/**
 * The position at which the piece that holds `position` ends.
 *
 * @param breaks - the lengths of the known beginnings that the prompt has, rising
 */
export function chunkEnd(position: number, breaks: readonly number[]): number {
  const size = position < longestChunk ? smallChunk : longestChunk;
  const end = position - (position % size) + size;
  return Math.min(end, breaks.find((length) => length > position) ?? end);
}

/** The last position up to `length` at which a piece ends. */
export function lastChunkEnd(length: number, breaks: readonly number[]): number {
  const end = length - (length % (length < longestChunk ? smallChunk : longestChunk));
  return Math.max(end, breaks.findLast((each) => each <= length) ?? end);
}
