import { describe, expect, it } from 'vitest';
import { PromptTokenizer } from '../../../../src/api/decisions/prompt-tokenizer.ts';
import type { Token } from '../../../../src/engine/engine.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model } from '../fake-service.ts';

/** Counts the characters that it converts. With `joins`, a token may be two characters, from the start of a text on. */
class CountingEngine extends FakeEngine {
  characters = 0;
  readonly #joins: boolean;

  constructor(joins = false) {
    super('', { contextSize: 4096 });
    this.#joins = joins;
  }

  override tokenizeText(text: string, options: { special: boolean }): Token[] {
    this.characters += text.length;
    if (!this.#joins) return super.tokenizeText(text, options);
    return (text.match(/..?/gs) ?? []).map((pair) => (pair.codePointAt(0) ?? 0) * 256 + pair.length);
  }
}

const before = `${'The train was late again. '.repeat(40)}\n\n`;
const rests = ['Is it red?', 'Is it blue?', 'Is it \uFDD0<s>?', 'Is it'.repeat(20)];

async function tokenizeAll(engine: FakeEngine, beginning = before): Promise<Token[][]> {
  const prompts = new PromptTokenizer(beginning, { engine, model });
  const tokenized: Token[][] = [];
  for (const rest of rests) tokenized.push(await prompts.tokenize(rest, 'questions'));
  return tokenized;
}

const whole = (engine: FakeEngine, beginning = before) =>
  rests.map((rest) =>
    (beginning + rest).split('\uFDD0').flatMap((each) => engine.tokenizeText(each, { special: true })),
  );

describe('prompts that begin alike', () => {
  it('have the tokens of the whole texts, and the beginning is converted only a few times', async () => {
    const engine = new CountingEngine();
    const tokens = await tokenizeAll(engine);
    const { characters } = engine;

    expect(tokens).toEqual(whole(engine));
    expect(characters).toBeLessThan(2.5 * before.length);
  });

  it('are converted whole where no token ends at the cut', async () => {
    const engine = new CountingEngine(true);
    const odd = `x${before}`;
    const [one, other] = [await tokenizeAll(engine), await tokenizeAll(engine, odd)];

    expect(one).toEqual(whole(engine));
    expect(other).toEqual(whole(engine, odd));
  });

  it.each([['short'], ['x'.repeat(2000)], [` ${'x'.repeat(2000)}`]])(
    'are converted whole where nothing can be cut: %s',
    async (beginning) => {
      const engine = new CountingEngine();

      expect(await tokenizeAll(engine, beginning)).toEqual(whole(engine, beginning));
    },
  );

  it('fail where they are too long for the context', async () => {
    const engine = new CountingEngine();
    const prompts = new PromptTokenizer(before, { engine, model });
    await prompts.tokenize('Is it red?', 'questions.0');
    await prompts.tokenize('Is it blue?', 'questions.1');

    await expect(prompts.tokenize('x'.repeat(4096 * 256), 'questions.2')).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'questions.2',
    });
  });
});
