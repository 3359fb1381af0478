import { describe, expect, it } from 'vitest';
import { reusableTokens } from '../../../../src/engine/prompt/prompt-chunks.ts';
import { chunkEnds } from '../../../chunk-ends.ts';

/** Where a prompt is cut that is evaluated in the smallest pieces. */
function smallestEnds(length: number, breaks: number[] = []): number[] {
  return chunkEnds(length, { breaks, longest: 0 });
}

describe('the chunks of a prompt', () => {
  it('are blocks, the first one too, unless the prompt ends before', () => {
    expect(smallestEnds(300)).toEqual([64, 128, 192, 256, 300]);
    expect(smallestEnds(64)).toEqual([64]);
    expect(smallestEnds(63)).toEqual([32, 63]);
    expect(smallestEnds(32)).toEqual([32]);
  });

  it('are as many whole blocks together as may be', () => {
    expect(chunkEnds(700)).toEqual([640, 700]);
    expect(chunkEnds(700, { longest: 512 })).toEqual([512, 640, 700]);
    expect(chunkEnds(512)).toEqual([512]);
    expect(chunkEnds(700, { longest: 191 })).toEqual([128, 256, 384, 512, 640, 700]);
    expect(chunkEnds(320, { longest: 1 })).toEqual(smallestEnds(320));
  });

  it('end with a known beginning as well, which is cut as a prompt of its length', () => {
    expect(smallestEnds(300, [40, 200])).toEqual([32, 40, 64, 128, 192, 200, 256, 300]);
    expect(smallestEnds(300, [70])).toEqual([64, 70, 128, 192, 256, 300]);
    expect(chunkEnds(600, { breaks: [40, 200] })).toEqual([32, 40, 64, 192, 200, 256, 576, 600]);
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

describe('what two prompts have in common', () => {
  it.each([
    [0, 0],
    [63, 0],
    [64, 64],
    [127, 64],
    [128, 128],
    [255, 192],
    [256, 256],
  ])('is reused in whole blocks: of %i tokens, %i', (common, reused) => {
    expect(reusableTokens(common, 300, { length: 300, breaks: [] })).toBe(reused);
  });

  it.each([
    [63, 63, 32],
    [63, 64, 0],
    [64, 63, 0],
    [33, 300, 0],
  ])(
    'is reused in small pieces where both are short: of %i and %i tokens, %i',
    (evaluated, length, reused) => {
      expect(reusableTokens(32, evaluated, { length, breaks: [] })).toBe(reused);
    },
  );

  it.each([
    [39, 32],
    [40, 40],
    [63, 40],
    [64, 64],
    [199, 192],
    [200, 200],
    [255, 200],
    [256, 256],
  ])('is reused up to a known beginning as well: of %i tokens, %i', (common, reused) => {
    const evaluated = Math.max(40, common);

    expect(reusableTokens(common, evaluated, { length: 300, breaks: [40, 200] })).toBe(reused);
  });

  it.each([{ known: [] }, { known: [10] }, { known: [40] }, { known: [64] }, { known: [20, 90] }])(
    'ends where both are cut alike, whatever their lengths (known beginnings: $known)',
    ({ known }) => {
      let reuses = 0;
      for (const evaluated of [1, 32, 40, 63, 64, 65, 100, 128, 200]) {
        for (const length of [2, 33, 41, 63, 64, 65, 100, 129, 200]) {
          for (let common = 0; common <= Math.min(evaluated, length - 1); common++) {
            // Of what they have in common both have the known beginnings, and of what follows one of them may.
            for (const whoHasMore of [length, evaluated]) {
              const breaksOf = (whole: number) =>
                known.filter((each) => each < whole && (each <= common || whole === whoHasMore));
              const breaks = breaksOf(length);
              const reused = reusableTokens(common, evaluated, { length, breaks });
              const [ours, theirs] = [
                smallestEnds(length, breaks),
                smallestEnds(evaluated, breaksOf(evaluated)),
              ].map((ends) => ends.filter((end) => end <= reused));
              if (reused > 0) reuses += 1;

              expect(ours?.at(-1) ?? 0).toBe(reused);
              expect(theirs).toEqual(ours);
            }
          }
        }
      }
      expect(reuses).toBeGreaterThan(100);
    },
  );
});
