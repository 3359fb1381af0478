// llama.cpp's flash attention takes tokens in tiles of 64: GGML_FA_TILE_Q in ggml/src/ggml-cpu/common.h. Fewer tokens than a tile are
// evaluated one by one, each more than twice as slow, and a few tokens behind full tiles pay for another one. The longer the
// text before them, the more that is of the whole (docs/decisions/0019).

const tile = 64;

/** The attention of a tile takes as long as that of so many single tokens. */
const worthOfTile = 26;

/**
 * All but the attention of a token takes as long as that of a single token behind so many tokens, for each number that stands for a
 * token between two layers. Measured with SmolLM2 135M: 0.24 to 0.39, with AMX. Without it all but the attention takes longer.
 */
const tokensPerNumber = 0.6;

/** As many tokens behind full tiles are evaluated apart in less time than in a tile of their own. */
const mostApart = 8;

/** A piece of its own reads all weights, which pays behind so many tokens for each number of a token's state. */
const tokensPerNumberApart = 0.13;

export class AttentionTiles {
  readonly #embeddingLength: number;

  /** @param embeddingLength - the numbers that stand for one token between two layers */
  constructor(embeddingLength: number) {
    this.#embeddingLength = embeddingLength;
  }

  /** How many of a prompt's first tokens to reuse, of those that a sequence holds: fewer where the rest is almost a tile. */
  toReuse(held: number, length: number): number {
    const rest = length - held;
    const again = tile - rest;
    if (again <= 0 || again > held) return held;
    const isQuicker = again * tokensPerNumber * this.#embeddingLength < (rest - worthOfTile) * held;
    return isQuicker ? held - again : held;
  }

  /** How many tokens to evaluate first of the last ones of a prompt, so that the rest fills whole tiles. 0: all together. */
  toEvaluateFirst(held: number, length: number): number {
    const rest = length - held;
    const behind = rest % tile;
    if (rest <= tile || behind > mostApart) return 0;
    return held > tokensPerNumberApart * this.#embeddingLength ? behind : 0;
  }
}
