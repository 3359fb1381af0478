// Where a prompt is cut into the pieces that are evaluated together. llama.cpp rounds differently for pieces of
// different sizes, so where they lie depends on nothing but the position: then a prompt whose beginning is cached
// gives to the last bit what it gives without a cache.

/** No piece is longer. An abort is seen between pieces, and the compute buffers grow with them. */
export const longestChunk = 128;

/** Small pieces first, so that short prompts have something to reuse. */
export const smallChunk = 32;

/** The position at which the piece that holds `position` ends. */
export function chunkEnd(position: number): number {
  const size = position < longestChunk ? smallChunk : longestChunk;
  return position - (position % size) + size;
}

/** The last position up to `length` at which a piece ends. */
export function lastChunkEnd(length: number): number {
  return length - (length % (length < longestChunk ? smallChunk : longestChunk));
}
