import { describe, expect, it } from 'vitest';
import { chunkEnd, lastChunkEnd } from '../../../functions/shared/engine/prompt-chunks.ts';

describe('the chunks of a prompt', () => {
  it('are small at its beginning and large later', () => {
    const ends = [];
    for (let position = 0; position < 500; ) {
      position = chunkEnd(position);
      ends.push(position);
    }

    expect(ends).toEqual([32, 64, 96, 128, 256, 384, 512]);
  });

  it.each([
    [0, 0],
    [31, 0],
    [32, 32],
    [127, 96],
    [128, 128],
    [255, 128],
    [256, 256],
  ])('up to %i tokens end at %i', (length, end) => {
    expect(lastChunkEnd(length)).toBe(end);
  });
});
