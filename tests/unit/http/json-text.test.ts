import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toJsonText } from '../../../src/http/json-text.ts';

const long = {
  data: Array.from({ length: 3000 }, (_, index) => ({
    index,
    embedding: Array(100).fill(1 / 3),
    left: undefined,
  })),
  numbers: Array.from({ length: 20_000 }, (_, index) => index),
  holes: [undefined, ...Array<null>(20_000).fill(null)],
  'a "name"': 'é\n',
  none: undefined,
};

describe('the JSON of an answer', () => {
  it('is that of JSON.stringify for a long answer', async () => {
    expect(await toJsonText(long)).toBe(JSON.stringify(long));
  });

  it('is that of JSON.stringify for any answer, also in a long one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const answer = { value, more: [...long.numbers, value] };

        expect(await toJsonText(answer)).toBe(JSON.stringify(answer));
      }),
      { numRuns: 20 },
    );
  });

  it('lets others be answered while a long one is written', async () => {
    const writing = toJsonText(long);
    let isWritten = false;
    void writing.then(() => {
      isWritten = true;
    });
    await new Promise(setImmediate);

    expect(isWritten).toBe(false);
    await writing;
  });
});
