import { describe, expect, it } from 'vitest';
import { GeneratedText } from '../../../../src/engine/text/generated-text.ts';

/** Pushes pieces of bytes as tokens, and returns each piece of text with its tokens, written as `token@offset`. */
function generate(pieces: readonly (string | number[])[], stop: readonly string[] = [], minTokens = 0) {
  const toBytes = (token: number) => Buffer.from((pieces[token] ?? '') as string);
  const detokenize = (tokens: readonly number[]) => Buffer.concat(tokens.map(toBytes)).toString();
  const text = new GeneratedText(detokenize, [], stop, minTokens);
  const given: [text: string, ...tokens: string[]][] = [];
  const give = (piece: ReturnType<GeneratedText['push']>) =>
    given.push([piece.text, ...piece.tokens.map(({ token, offset }) => `${token}@${offset}`)]);
  for (const token of pieces.keys()) {
    give(text.push(token));
    if (text.stopped) break;
  }
  give(text.flush());
  return given;
}

describe('generated text', () => {
  it('comes with the tokens that end in it', () => {
    expect(generate(['a', 'bc', 'd'])).toEqual([['a', '0@0'], ['bc', '1@1'], ['d', '2@3'], ['']]);
  });

  it('holds a character and its tokens back until it is whole', () => {
    expect(generate(['a', [0xf0, 0x9f], [0x98], [0x80], 'b'])).toEqual([
      ['a', '0@0'],
      [''],
      [''],
      ['😀', '1@1', '2@1', '3@1'],
      ['b', '4@3'],
      [''],
    ]);
  });

  it('ends with the tokens of a partial character, without text', () => {
    expect(generate(['a', [0xf0, 0x9f]])).toEqual([['a', '0@0'], [''], ['', '1@1']]);
  });

  it('is not ended by a stop string within its first tokens', () => {
    expect(generate(['ab', 'ab', 'c', 'ab'], ['b'], 2)).toEqual([
      ['ab', '0@0'],
      ['ab', '1@2'],
      ['c', '2@4'],
      ['a', '3@5'],
      [''],
    ]);
  });

  it('holds back a possible stop string and its tokens', () => {
    expect(generate(['a', 'x', 'y', 'b'], ['xyz'])).toEqual([
      ['a', '0@0'],
      [''],
      [''],
      ['xyb', '1@1', '2@2', '3@3'],
      [''],
    ]);
    expect(generate(['a', 'x', 'y'], ['xyz'])).toEqual([['a', '0@0'], [''], [''], ['xy', '1@1', '2@2']]);
  });

  it('leaves out a stop string and the tokens that start in it', () => {
    expect(generate(['a', 'bx', 'y', 'zc', 'd'], ['xyz'])).toEqual([
      ['a', '0@0'],
      ['b'],
      [''],
      ['', '1@1'],
      [''],
    ]);
    expect(generate(['ab', 'xyz'], ['xyz'])).toEqual([['ab', '0@0'], [''], ['']]);
    expect(generate(['xyz'], ['xyz'])).toEqual([[''], ['']]);
  });

  it('has every token once and in order, however the bytes are cut', () => {
    const text = 'one 😀 two é three stops here';
    const bytes = [...Buffer.from(text)];
    for (const size of [1, 2, 3, 5, 8]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.slice(index * size, (index + 1) * size),
      );
      const given = generate(pieces, ['thrice', 'zzz']);
      const tokens = given.flatMap(([, ...each]) => each.map((token) => Number(token.split('@')[0])));

      expect(given.map(([piece]) => piece).join('')).toBe(text);
      expect(tokens).toEqual([...pieces.keys()]);
    }
  });

  it('ends with the token that ends the generation', () => {
    const text = new GeneratedText((tokens) => 'a'.repeat(tokens.length), [], []);
    text.push(0);
    text.end(7, { token: 7, logprob: -1, top: [] });

    expect(text.flush()).toEqual({
      text: '',
      tokens: [{ token: 7, offset: 1, score: { token: 7, logprob: -1, top: [] } }],
    });
  });
});
