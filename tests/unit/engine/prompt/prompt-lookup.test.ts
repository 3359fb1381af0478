import { describe, expect, it } from 'vitest';
import { PromptLookup } from '../../../../src/engine/prompt/prompt-lookup.ts';

describe('a guess by prompt lookup', () => {
  it('repeats the tokens that followed the last three tokens earlier', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 5, 6, 9, 1, 2], 4);
    expect(lookup.guess(8)).toEqual([]);

    lookup.push([3]);
    expect(lookup.guess(8)).toEqual([4, 5, 6, 9]);
    expect(lookup.guess(2)).toEqual([4, 5]);
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
    const repeat = () => lookup.push([4, 1, 2, 3]);
    lookup.learn(0, 2);
    expect(lookup.guess(2)).toEqual([4, 1]);
    lookup.learn(0, 2);

    expect(lookup.guess(2)).toEqual([]);
    for (let times = 0; times < 4; times += 1) repeat();
    expect(lookup.guess(2)).toEqual([4, 1]);
    lookup.learn(2, 2);
    expect(lookup.guess(2)).toEqual([4, 1]);
  });

  it('is empty when the limit is 0', () => {
    expect(new PromptLookup([1, 2, 3, 4, 1, 2, 3], 0).guess(4)).toEqual([]);
  });
});
