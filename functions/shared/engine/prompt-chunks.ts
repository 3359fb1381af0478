// Where a prompt is cut into the pieces that are evaluated together. llama.cpp rounds a few tokens together differently
// from many, so where it may be cut depends on nothing but the position, and on the beginnings that are known beforehand:
// then a prompt whose beginning is cached gives to the last bit what it gives without a cache. Whole blocks are rounded
// alike, however many of them go together (docs/decisions/0002).

/** The most tokens of one piece, as llama.cpp's own default has it. The compute buffers grow with it. */
export const longestChunk = 512;

/** The pieces of the first block, so that short prompts have something to reuse. */
export const smallChunk = 32;

/** A whole block lies between two multiples of it. */
export const blockSize = 64;

/** What there is to evaluate, and what of it can be evaluated together. */
export interface ChunkLimits {
  /** Where the prompt ends. A piece that ends behind it is the last one, and ends there. */
  readonly length: number;
  /** The lengths of the known beginnings that the prompt has, rising. */
  readonly breaks: readonly number[];
  /** The most tokens that whole blocks may be together; one block is always taken. */
  readonly longest: number;
}

/** The position at which the piece that begins at `position` ends. */
export function chunkEnd(position: number, { length, breaks, longest }: ChunkLimits): number {
  let end = nextCut(position, breaks);
  if (end - position < blockSize) return end;
  const limit = Math.min(length, position + longest);
  for (
    let next = nextCut(end, breaks);
    next <= limit && next - end === blockSize;
    next = nextCut(end, breaks)
  ) {
    end = next;
  }
  return end;
}

/** The last position up to `length` at which a prompt may be cut. */
export function lastChunkEnd(length: number, breaks: readonly number[]): number {
  const end = length - (length % sizeAt(length));
  return Math.max(end, breaks.findLast((each) => each <= length) ?? end);
}

function nextCut(position: number, breaks: readonly number[]): number {
  const size = sizeAt(position);
  const end = position - (position % size) + size;
  return Math.min(end, breaks.find((length) => length > position) ?? end);
}

function sizeAt(position: number): number {
  return position < blockSize ? smallChunk : blockSize;
}
