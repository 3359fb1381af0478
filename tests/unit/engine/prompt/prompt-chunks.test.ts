import { describe, expect, it } from 'vitest';
import { reusableTokens } from '../../../../src/engine/prompt/prompt-chunks.ts';
import { chunkEnds } from '../../../chunk-ends.ts';

/** The ends of a prompt's pieces when they are as short as possible. */
function smallestEnds(length: number, breaks: number[] = []): number[] {
  return chunkEnds(length, { breaks, longest: 0 });
}

describe('the pieces of a prompt', () => {
  it('are blocks, unless the prompt is shorter than one', () => {
    expect(smallestEnds(300)).toEqual([64, 128, 192, 256, 300]);
    expect(smallestEnds(64)).toEqual([64]);
    expect(smallestEnds(63)).toEqual([32, 63]);
    expect(smallestEnds(32)).toEqual([32]);
  });

  it('join as many whole blocks as the limit allows', () => {
    expect(chunkEnds(700)).toEqual([640, 700]);
    expect(chunkEnds(700, { longest: 512 })).toEqual([512, 640, 700]);
    expect(chunkEnds(512)).toEqual([512]);
    expect(chunkEnds(700, { longest: 191 })).toEqual([128, 256, 384, 512, 640, 700]);
    expect(chunkEnds(320, { longest: 1 })).toEqual(smallestEnds(320));
  });

  it('also end where a known prefix ends, which is cut like a prompt of its length', () => {
    expect(smallestEnds(300, [40, 200])).toEqual([32, 40, 64, 128, 192, 200, 256, 300]);
    expect(smallestEnds(300, [70])).toEqual([64, 70, 128, 192, 256, 300]);
    expect(chunkEnds(600, { breaks: [40, 200] })).toEqual([32, 40, 64, 192, 200, 256, 576, 600]);
  });

  it.each([{ breaks: [] }, { breaks: [64] }, { breaks: [40, 64, 100, 200, 256, 330] }])(
    'join only whole blocks, wherever they start (known prefixes: $breaks)',
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

describe('the tokens that two prompts have in common', () => {
  it.each([
    [0, 0],
    [63, 0],
    [64, 64],
    [127, 64],
    [128, 128],
    [255, 192],
    [256, 256],
  ])('are reused in whole blocks: %i common tokens, %i reused', (common, reused) => {
    expect(reusableTokens(common, 300, { length: 300, breaks: [] })).toBe(reused);
  });

  it.each([
    [63, 63, 32],
    [63, 64, 0],
    [64, 63, 0],
    [33, 300, 0],
  ])(
    'are reused in small pieces when both prompts are short: %i and %i tokens, %i reused',
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
  ])('are also reused up to the end of a known prefix: %i common tokens, %i reused', (common, reused) => {
    const evaluated = Math.max(40, common);

    expect(reusableTokens(common, evaluated, { length: 300, breaks: [40, 200] })).toBe(reused);
  });

  it.each([{ known: [] }, { known: [10] }, { known: [40] }, { known: [64] }, { known: [20, 90] }])(
    'are reused up to where both prompts are cut alike (known prefixes: $known)',
    ({ known }) => {
      let reuses = 0;
      for (const evaluated of [1, 32, 40, 63, 64, 65, 100, 128, 200]) {
        for (const length of [2, 33, 41, 63, 64, 65, 100, 129, 200]) {
          for (let common = 0; common <= Math.min(evaluated, length - 1); common++) {
            // Both have the known prefixes within the common tokens; longer ones belong to one of the prompts.
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
