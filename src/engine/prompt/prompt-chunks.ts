// Where a prompt is cut into the pieces that are evaluated together. llama.cpp rounds a few tokens together differently
// from many, so where it may be cut depends on nothing but the prompt, and on the beginnings that are known beforehand:
// then a prompt whose beginning is cached gives to the last bit what it gives without a cache, where there is one slot.
// Whole blocks are rounded alike, however many of them go together (docs/decisions/0002).

/** The most tokens of one piece, as llama.cpp's own default has it. The compute buffers grow with it. */
export const longestChunk = 512;

/** The pieces of what is shorter than a block, so that short prompts have something to reuse. */
export const smallChunk = 32;

/** A whole block lies between two multiples of it. */
export const blockSize = 64;

/** A prompt, as far as its cuts depend on it. */
export interface ChunkedPrompt {
  /** Where it ends. A piece that ends behind it is the last one, and ends there. */
  readonly length: number;
  /** The lengths of the known beginnings that it has, rising. */
  readonly breaks: readonly number[];
}

/**
 * The position at which the piece that begins at `position` ends. Whole blocks are `longest` tokens together at most; one
 * is always taken.
 */
export function chunkEnd(position: number, prompt: ChunkedPrompt, longest: number): number {
  let end = nextCut(position, prompt);
  if (end - position < blockSize) return end;
  const limit = Math.min(prompt.length, position + longest);
  for (
    let next = nextCut(end, prompt);
    next <= limit && next - end === blockSize;
    next = nextCut(end, prompt)
  ) {
    end = next;
  }
  return end;
}

/**
 * How many tokens need not be evaluated again of those that a prompt has in common with one of `evaluated` tokens: up to
 * where both were cut.
 */
export function reusableTokens(common: number, evaluated: number, prompt: ChunkedPrompt): number {
  const size = evaluated < blockSize ? sizeAt(common, prompt) : blockSize;
  const end = common - (common % size);
  return Math.max(end, prompt.breaks.findLast((each) => each <= common) ?? end);
}

function nextCut(position: number, prompt: ChunkedPrompt): number {
  const size = sizeAt(position, prompt);
  const end = position - (position % size) + size;
  return Math.min(end, prompt.breaks.find((length) => length > position) ?? end);
}

/** The first block is whole, unless the prompt, or a known beginning of it, ends before. */
function sizeAt(position: number, { length, breaks: [first = length] }: ChunkedPrompt): number {
  return position < blockSize && first < blockSize ? smallChunk : blockSize;
}
