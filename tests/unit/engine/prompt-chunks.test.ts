import { describe, expect, it } from 'vitest';
import { lastChunkEnd } from '../../../functions/shared/engine/prompt-chunks.ts';
import { chunkEnds } from '../../chunk-ends.ts';

/** Where a prompt is cut that is evaluated in the smallest pieces. */
function smallestEnds(length: number, breaks: number[] = []): number[] {
  return chunkEnds(length, { breaks, longest: 0 });
}

describe('the chunks of a prompt', () => {
  it('are small at its beginning, and whole blocks later', () => {
    expect(smallestEnds(300)).toEqual([32, 64, 128, 192, 256, 300]);
  });

  it('are as many whole blocks together as may be', () => {
    expect(chunkEnds(700)).toEqual([32, 64, 640, 700]);
    expect(chunkEnds(700, { longest: 512 })).toEqual([32, 64, 576, 640, 700]);
    expect(chunkEnds(512)).toEqual([32, 64, 512]);
    expect(chunkEnds(700, { longest: 191 })).toEqual([32, 64, 192, 320, 448, 576, 640, 700]);
    expect(chunkEnds(320, { longest: 1 })).toEqual(smallestEnds(320));
  });

  it.each([
    [0, 0],
    [31, 0],
    [32, 32],
    [63, 32],
    [64, 64],
    [127, 64],
    [128, 128],
    [255, 192],
    [256, 256],
  ])('up to %i tokens end at %i', (length, end) => {
    expect(lastChunkEnd(length, [])).toBe(end);
  });

  it('end with a known beginning as well', () => {
    const breaks = [40, 200];

    expect(smallestEnds(300, breaks)).toEqual([32, 40, 64, 128, 192, 200, 256, 300]);
    expect(chunkEnds(600, { breaks })).toEqual([32, 40, 64, 192, 200, 256, 576, 600]);
    expect([39, 40, 63, 64, 199, 200, 255, 256].map((length) => lastChunkEnd(length, breaks))).toEqual([
      32, 40, 40, 64, 192, 200, 200, 256,
    ]);
  });

  it.each([{ breaks: [] }, { breaks: [64] }, { breaks: [40, 64, 100, 200, 256, 330] }])(
    'join nothing but whole blocks, wherever they begin (known beginnings: $breaks)',
    ({ breaks }) => {
      for (const length of [1, 31, 64, 65, 200, 255, 256, 512, 700]) {
        const cuts = [0, ...smallestEnds(length, breaks)];
        for (const longest of [0, 64, 100, 128, 250, 1024]) {
          for (const from of cuts.slice(0, -1)) {
            let start = from;
            for (const end of chunkEnds(length, { breaks, longest, from })) {
              const within = cuts.filter((cut) => cut >= start && cut <= end);
              expect([within[0], within.at(-1)]).toEqual([start, end]);
              if (within.length > 2) {
                expect(end - start).toBeLessThanOrEqual(longest);
                expect(within.every((cut) => cut % 64 === 0)).toBe(true);
              }
              start = end;
            }
          }
        }
      }
    },
  );
});
