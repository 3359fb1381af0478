import { describe, expect, it } from 'vitest';
import { detokenize, tokenize } from '../../../../src/api/tokens/tokens.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { model } from '../fake-service.ts';

const withBos = { properties: { addsBosToken: true, bosToken: '<s>' } };
const bos = 0x11_0100;

function ask(body: object, engine = new FakeEngine('', withBos)) {
  return tokenize(body, { engine, model });
}

describe('POST /tokenize', () => {
  it("answers in vLLM's format, with the beginning-of-sequence token", async () => {
    expect(await ask({ prompt: 'a😀', model })).toEqual({
      tokens: [bos, 97, 0x1f600],
      count: 3,
      max_model_len: 64,
    });
    expect(await ask({ prompt: 'a', add_special_tokens: false })).toMatchObject({ tokens: [97], count: 1 });
    expect(await ask({ prompt: 'a', return_token_strs: true, add_special_tokens: false })).toMatchObject({
      token_strs: ['a'],
    });
  });

  it("answers in llama-server's format, without the beginning-of-sequence token", async () => {
    expect(await ask({ content: 'a' })).toMatchObject({ tokens: [97] });
    expect(await ask({ content: 'a', add_special: true })).toMatchObject({ tokens: [bos, 97] });
    expect(await ask({ content: 'a', with_pieces: true })).toMatchObject({
      tokens: [{ id: 97, piece: 'a' }],
    });
  });

  it('parses special tokens, unless parse_special is false', async () => {
    expect(await ask({ content: '<s>a' })).toMatchObject({ tokens: [bos, 97] });
    expect(await ask({ content: '<s>a', parse_special: false })).toMatchObject({ count: 4 });
  });

  it('returns the bytes of a part of a character, and text that looks like bytes as text', async () => {
    const [first = 0] = toByteTokens('é');
    class Vocabulary extends FakeEngine {
      override tokenizeText() {
        return [first, 1];
      }
      override toBytes(token: number) {
        return token === 1 ? Buffer.from('bytes:\\xff') : super.toBytes(token);
      }
    }

    expect(await ask({ content: 'é', with_pieces: true }, new Vocabulary())).toMatchObject({
      tokens: [
        { id: first, piece: [0xc3] },
        { id: 1, piece: 'bytes:\\xff' },
      ],
    });
  });

  it('returns no tokens for an empty text', async () => {
    expect(await ask({ content: '' })).toMatchObject({ tokens: [], count: 0 });
    expect(await ask({ prompt: '' })).toMatchObject({ tokens: [bos], count: 1 });
  });

  it.each([
    ['no text', {}, 'missing_required_parameter', 'prompt'],
    ['two texts', { prompt: 'a', content: 'b' }, 'invalid_value', 'content'],
    ['messages alone', { messages: [{}] }, 'missing_required_parameter', 'prompt'],
    [
      'a content that is too long',
      { content: 'a'.repeat(64 * 256 + 1) },
      'context_length_exceeded',
      'content',
    ],
    ['a prompt that is too long', { prompt: 'a'.repeat(64 * 256 + 1) }, 'context_length_exceeded', 'prompt'],
    ['a list as text', { content: ['a'] }, 'invalid_value', 'content'],
  ])('rejects %s', async (_, body, code, param) => {
    await expect(ask(body)).rejects.toThrow(expect.objectContaining({ code, param }));
  });
});

describe('POST /detokenize', () => {
  const engine = new FakeEngine('', withBos);

  it('returns the text under both names', () => {
    expect(detokenize({ tokens: [bos, 97, ...toByteTokens('😀')], model }, { engine, model })).toEqual({
      prompt: '<s>a😀',
      content: '<s>a😀',
    });
    expect(detokenize({ tokens: [] }, { engine, model })).toEqual({ prompt: '', content: '' });
  });

  it.each([
    [{}, 'missing_required_parameter', 'tokens'],
    [{ tokens: [0x12_0000] }, 'invalid_value', 'tokens'],
    [{ tokens: ['a'] }, 'invalid_value', 'tokens.0'],
  ])('rejects %j', (body, code, param) => {
    expect(() => detokenize(body, { engine, model })).toThrow(expect.objectContaining({ code, param }));
  });
});
