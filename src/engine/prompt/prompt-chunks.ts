// Cuts a prompt into pieces that are evaluated together. llama.cpp rounds a short piece differently from a long one, so the cuts
// depend only on the prompt and the known prefixes. With one slot, a prompt then gives the same bits with and without a cache.
// llama.cpp rounds whole blocks alike, however many are evaluated together (docs/decisions/0002).

/** The most tokens of one piece; llama.cpp has the same default. The compute buffers grow with it. */
export const longestChunk = 512;

/** The size of pieces of a prompt shorter than a block, so that short prompts too can reuse tokens. */
export const smallChunk = 32;

/** A whole block starts and ends at a multiple of this. */
export const blockSize = 64;

/** The tokens of the whole blocks that so many have. */
export function toWholeBlocks(tokens: number): number {
  return tokens - (tokens % blockSize);
}

/** The facts of a prompt that decide its cuts. */
export interface ChunkedPrompt {
  /** The number of tokens. */
  readonly length: number;
  /** The lengths of the known prefixes that it starts with, rising. */
  readonly breaks: readonly number[];
}

/**
 * The end of the piece that starts at `position`. It may lie behind the prompt's end; the piece is then the last one.
 *
 * @param longest - the most tokens of several whole blocks; a piece has at least one block
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
 * How many of the first tokens that two prompts have in common are reusable: those up to the last cut of both.
 *
 * @param common - how many tokens they have in common
 * @param evaluated - the length of the prompt that was evaluated
 * @param prompt - the prompt that reuses the tokens
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

/** The first block is whole unless the prompt, or a known prefix of it, is shorter. */
function sizeAt(position: number, { length, breaks: [first = length] }: ChunkedPrompt): number {
  return position < blockSize && first < blockSize ? smallChunk : blockSize;
}
