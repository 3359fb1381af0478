import { describe, expect, it } from 'vitest';
import { findTurnEnds } from '../../../../src/engine/prompt/turn-ends.ts';

/** Ends of messages are `|`. */
const find = (prompt: string) =>
  findTurnEnds(
    [...prompt].map((letter) => letter.codePointAt(0) ?? 0),
    (token) => token === 124,
  );

describe('the ends of answers', () => {
  it.each([
    ['are those of messages that begin as the next answer does', 'Ss|Uu|Aa|Uv|Ab|Uw|A', [14, 8]],
    ['are all ends where nothing but answers is ended', 'Uu-a|Uv-b|Uw-', [9, 4]],
    ['are all ends where the next answer is opened in another way', 'Uu|Aa|Uv|Ax', [8, 5, 2]],
    ['are none in a prompt without any', 'Once upon a time', []],
  ])('%s', (_, prompt, ends) => {
    expect(find(prompt)).toEqual(ends);
  });
});
