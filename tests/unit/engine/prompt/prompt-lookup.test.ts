import { describe, expect, it } from 'vitest';
import { PromptLookup } from '../../../../src/engine/prompt/prompt-lookup.ts';

describe('a guess by prompt lookup', () => {
  it('repeats the tokens that followed the last three tokens earlier', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 5, 6, 9, 1, 2], 4);
    expect(lookup.guess(8)).toEqual([]);

    lookup.push([3]);
    expect(lookup.guess(8)).toEqual([4, 5]);
    expect(lookup.guess(1)).toEqual([4]);
  });

  it('repeats the latest occurrence', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], 1);

    expect(lookup.guess(1)).toEqual([5]);
  });

  it('also searches generated tokens', () => {
    const lookup = new PromptLookup([7], 2);
    lookup.push([1, 2, 3, 8, 1, 2, 3]);

    expect(lookup.guess(2)).toEqual([8, 1]);
  });

  it('pauses when too few guessed tokens were right, and then tries again', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 1, 2, 3], 2);
    expect(lookup.guess(2)).toEqual([4, 1]);
    lookup.learn(0, 2);

    expect(lookup.guess(2)).toEqual([]);
    expect(tokensUntilGuess(lookup)).toBe(16);
    lookup.learn(2, 2);
    expect(lookup.guess(2)).toEqual([4, 1]);
  });

  it('pauses twice as long each time that a pause leads to a wrong guess, up to 256 tokens', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 1, 2, 3], 2);
    const pauses = Array.from({ length: 6 }, () => {
      lookup.learn(0, 2);
      return tokensUntilGuess(lookup);
    });

    expect(pauses).toEqual([16, 32, 64, 128, 256, 256]);
    lookup.learn(2, 2);
    lookup.learn(0, 2);
    expect(tokensUntilGuess(lookup)).toBe(16);
  });

  it('begins short, doubles while guesses are wholly right, and is short again after a pause', () => {
    const text = Array.from({ length: 20 }, (_, index) => index);
    const lookup = new PromptLookup([...text, 0, 1, 2], 8);
    const lengths = Array.from({ length: 4 }, () => {
      const { length } = lookup.guess(16);
      lookup.learn(length, length);
      return length;
    });

    expect(lengths).toEqual([2, 4, 8, 8]);
    // Until the mean of what was right is low.
    for (let wrong = 0; lookup.guess(16).length > 0 && wrong < 9; wrong += 1) lookup.learn(0, 8);
    lookup.push(text.slice(3));
    lookup.push([0, 1, 2]);
    expect(lookup.guess(16)).toHaveLength(2);
  });

  it('is empty when the limit is 0', () => {
    expect(new PromptLookup([1, 2, 3, 4, 1, 2, 3], 0).guess(4)).toEqual([]);
  });
});

/** How many more tokens of a text that repeats four tokens come before the next guess. */
function tokensUntilGuess(lookup: PromptLookup): number {
  const repeated = [4, 1, 2, 3];
  for (let count = 0; ; count += repeated.length) {
    if (lookup.guess(2).length > 0) return count;
    lookup.push(repeated);
  }
}
