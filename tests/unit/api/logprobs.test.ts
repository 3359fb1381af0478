import { describe, expect, it } from 'vitest';
import {
  CompletionLogprobsWriter,
  toChatLogprobs,
  toPromptLogprobs,
  toTokenText,
} from '../../../src/api/logprobs.ts';

/** Creates a vocabulary whose tokens are these pieces. */
function toVocabulary(pieces: readonly (string | number[])[]) {
  return (token: number) => Uint8Array.from(Buffer.from((pieces[token] ?? '') as string));
}

const all = (length: number) => Array.from({ length }, (_, token) => token);
const scores = (length: number) => all(length).map((token) => ({ token, logprob: -1, top: [] }));

describe('toTokenText', () => {
  it.each([
    ['é', [...Buffer.from('é')]],
    ['', []],
    ['\uFEFFa', [...Buffer.from('\uFEFFa')]],
    ['bytes:\\xf0\\x9f', [0xf0, 0x9f]],
    ['bytes:\\x61\\xc3', [0x61, 0xc3]],
    ['bytes:\\x0a\\xff', [0x0a, 0xff]],
  ])('returns %s', (text, bytes) => {
    expect(toTokenText(Uint8Array.from(bytes))).toBe(text);
  });
});

describe('toPromptLogprobs', () => {
  it.each([
    ['whole words', 'The 😀 cat', ['The', ' 😀', ' cat'], [0, 3, 5]],
    ['a beginning-of-sequence token', 'The cat', ['<s>', 'The', ' cat'], [0, 0, 3]],
    ['a beginning-of-sequence token in the text', '<s>The', ['<s>', 'The'], [0, 3]],
    ['a space before the first word', 'The cat sat', ['<s>', ' The', ' cat', ' sat'], [0, 0, 3, 7]],
    ['parts of characters', 'a😀b', ['a', [0xf0, 0x9f], [0x98, 0x80], 'b'], [0, 1, 1, 2]],
    ['half a surrogate pair', 'a\ud83db', ['a', [0xef, 0xbf, 0xbd], 'b'], [0, 1, 2]],
    ['a byte order mark', '\uFEFFa', ['\uFEFF', 'a'], [0, 1]],
  ] as [string, string, (string | number[])[], number[]][])(
    'returns the offsets of tokens: %s',
    (_, text, pieces, offsets) => {
      const { length } = pieces;
      const logprobs = toPromptLogprobs(all(length), scores(length).slice(1), text, toVocabulary(pieces));

      expect(logprobs.text_offset).toEqual(offsets);
      expect(logprobs.token_logprobs).toEqual([null, ...Array(length - 1).fill(-1)]);
      expect(logprobs.top_logprobs[0]).toBeNull();
    },
  );
});

describe('the log-probabilities of a choice', () => {
  const top = (token: number, logprob: number) => ({ token, logprob });

  it('have offsets from the start of the echoed prompt', () => {
    const writer = new CompletionLogprobsWriter(toVocabulary(['é', '😀']), '😀b');
    const [first, second] = [
      writer.write([{ token: 0, offset: 0 }], 'é'),
      writer.write([{ token: 1, offset: 1 }], '😀'),
    ];

    expect([first.text_offset, second.text_offset]).toEqual([[2], [3]]);
  });

  it('always include the token itself, and the likelier of two tokens with the same text', () => {
    const writer = new CompletionLogprobsWriter(toVocabulary(['a', 'b', 'a', '__proto__']), '');
    const write = (token: number, likeliest: { token: number; logprob: number }[]) =>
      writer.write([{ token, offset: 0, score: { token, logprob: -5, top: likeliest } }], '').top_logprobs[0];

    expect(write(1, [top(0, -1), top(2, -2)])).toEqual({ a: -1, b: -5 });
    expect(write(2, [top(0, -1)])).toEqual({ a: -1 });
    expect(Object.entries(write(3, [top(0, -1)]) ?? {})).toEqual([
      ['__proto__', -5],
      ['a', -1],
    ]);
  });

  it('are objects with bytes in a chat, for scored tokens only', () => {
    const generated = [
      { token: 0, offset: 0, score: { token: 0, logprob: -1, top: [top(1, -0.5)] } },
      { token: 1, offset: 1 },
    ];

    expect(toChatLogprobs(generated, toVocabulary(['a', [0xf0]]))).toEqual([
      {
        token: 'a',
        logprob: -1,
        bytes: [97],
        top_logprobs: [{ token: 'bytes:\\xf0', logprob: -0.5, bytes: [0xf0] }],
      },
    ]);
  });
});
