import { describe, expect, it } from 'vitest';
import { chunkEnd, lastChunkEnd } from '../../../functions/shared/engine/prompt-chunks.ts';

describe('the chunks of a prompt', () => {
  it('are small at its beginning and large later', () => {
    const ends = [];
    for (let position = 0; position < 500; ) {
      position = chunkEnd(position, []);
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
    expect(lastChunkEnd(length, [])).toBe(end);
  });

  it('end with a known beginning as well', () => {
    const breaks = [40, 200];
    const ends = [];
    for (let position = 0; position < 300; ) {
      position = chunkEnd(position, breaks);
      ends.push(position);
    }

    expect(ends).toEqual([32, 40, 64, 96, 128, 200, 256, 384]);
    expect([39, 40, 63, 64, 199, 200, 255, 256].map((length) => lastChunkEnd(length, breaks))).toEqual([
      32, 40, 40, 64, 128, 200, 200, 256,
    ]);
  });
});
