import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ContentLogprobs } from '../../../../src/api/responses/content-logprobs.ts';

const toToken = (bytes: readonly number[]) => ({
  token: '',
  bytes: [...bytes],
  logprob: -1,
  top_logprobs: [],
});

const character = fc.constantFrom('a', '.', 'é', '字', '\ufffd', '😀');

/** Splits at random places. */
const cut = <Item>(items: readonly Item[], ends: readonly boolean[]): Item[][] => {
  const parts: Item[][] = [];
  for (const [index, item] of items.entries()) {
    if (index === 0 || ends[(index - 1) % ends.length]) parts.push([]);
    parts.at(-1)?.push(item);
  }
  return parts;
};

const ends = fc.array(fc.boolean(), { minLength: 1, maxLength: 30 });

it('lists each token once, with the first text that has a part of it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('x', 'ü'), { maxLength: 3 }),
      fc.array(character, { minLength: 1, maxLength: 12 }),
      ends,
      ends,
      (thoughts, content, ofTokens, ofTexts) => {
        const before = thoughts.length === 0 ? '' : `${thoughts.join('')}>`;
        const tokens = cut([...Buffer.from(before + content.join(''))], ofTokens).map(toToken);
        const logprobs = new ContentLogprobs();
        /** How many tokens have come, and the bytes that they have. */
        let pushed = 0;
        let pushedBytes = 0;
        const pushTo = (byte: number) => {
          while (pushedBytes < byte) {
            const token = tokens[pushed++];
            logprobs.push(token === undefined ? [] : [token]);
            pushedBytes += token?.bytes.length ?? 1;
          }
        };
        pushTo(Buffer.byteLength(before));
        if (before !== '') logprobs.skip(thoughts.join(''));

        let start = Buffer.byteLength(before);
        let listed = 0;
        for (const text of cut(content, ofTexts).map((characters) => characters.join(''))) {
          const end = start + Buffer.byteLength(text);
          pushTo(end);
          let place = 0;
          const expected = tokens.filter(({ bytes }, index) => {
            const first = place;
            place += bytes.length;
            return index >= listed && first < end && place > start;
          });
          listed = tokens.indexOf(expected.at(-1) ?? tokens[listed - 1] ?? toToken([])) + 1;
          expect(logprobs.take(text)).toEqual(expected);
          start = end;
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('lists the other tokens of a character that began in a call', () => {
  const logprobs = new ContentLogprobs();
  const [first, ...others] = [[125, 0xf0], [0x9f], [0x98], [0x80]].map(toToken);
  logprobs.push(first === undefined ? [] : [first]);
  logprobs.clear();
  logprobs.push(others);

  expect(logprobs.take('😀')).toEqual(others);
});
