import { describe, expect, it } from 'vitest';
import { AttentionTiles } from '../../../../src/engine/prompt/attention-tiles.ts';

/** SmolLM2 135M's, and Llama 2 7B's. */
const [small, large] = [new AttentionTiles(576), new AttentionTiles(4096)];

describe('the tokens to reuse', () => {
  it.each([
    ['almost a tile behind a long text', small, 1000, 1050, 986],
    ['more than half a tile behind a long text', small, 1000, 1040, 976],
    ['half a tile behind a long text', small, 1000, 1032, 1000],
    ['few tokens behind a very long text', small, 8000, 8020, 8000],
    ['few tokens', small, 1000, 1020, 1000],
    ['almost a tile behind a short text', small, 300, 350, 286],
    ['more than half a tile behind a short text', small, 300, 340, 300],
    ['a tile', small, 1000, 1064, 1000],
    ['more than a tile', small, 1000, 1100, 1000],
    ['nothing', small, 1000, 1000, 1000],
    ['a text shorter than a tile', small, 10, 50, 10],
    ['a large model, where all else takes longer', large, 1000, 1050, 1000],
    ['a large model behind a very long text', large, 8000, 8050, 7986],
  ])('of %s', (_, tiles, held, length, expected) => {
    expect(tiles.toReuse(held, length)).toBe(expected);
  });
});

describe('the tokens to evaluate first', () => {
  it.each([
    ['a few behind a tile', small, 1000, 1065, 1],
    ['a few behind several tiles', small, 1000, 1000 + 3 * 64 + 8, 8],
    ['more behind a tile', small, 1000, 1073, 0],
    ['whole tiles', small, 1000, 1128, 0],
    ['less than a tile', small, 1000, 1005, 0],
    ['a few behind a tile and a short text', small, 70, 135, 0],
    ['a few behind a tile of a large model', large, 500, 565, 0],
  ])('of %s', (_, tiles, held, length, expected) => {
    expect(tiles.toEvaluateFirst(held, length)).toBe(expected);
  });
});
