// Guessed tokens on the real model: whatever is guessed, the text is one that the model would have written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { generateOn, greedy, loadEngine } from './generation.ts';

const list = 'red apple, green pear, blue plum, yellow lemon, black cherry, white peach';
const quoting = `${list}. ${list}. ${list}.`;
const prompts = [quoting, 'Once upon a time', `Copy this: ${list}. Copy:`];

let plain: Engine;
let guessing: Engine;

beforeAll(async () => {
  plain = await loadEngine();
  guessing = await loadEngine({ lookupTokens: 4 });
});

afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await guessing[Symbol.asyncDispose]();
});

describe('a text with guessed tokens', () => {
  it.each(prompts)('is greedily the one without, in the same number of tokens: %s', async (prompt) => {
    const [expected, text] = await Promise.all(
      [plain, guessing].map((engine) => generateOn(engine, prompt, { maxTokens: 48 })),
    );

    expect(text?.text).toBe(expected?.text);
    expect(text).toMatchObject({ completionTokens: 48, finishReason: 'length' });
  });

  it('keeps to the number of tokens, to stop strings and to a grammar', async () => {
    for (const maxTokens of [1, 2, 3, 5, 7]) {
      expect(await generateOn(guessing, quoting, { maxTokens })).toMatchObject({
        completionTokens: maxTokens,
      });
    }
    const { text: whole } = await generateOn(guessing, quoting, { maxTokens: 48 });
    const stop = whole.slice(20, 26);
    const stopped = await generateOn(guessing, quoting, { maxTokens: 48, stop: [stop] });
    expect(stopped).toMatchObject({ text: whole.slice(0, whole.indexOf(stop)), finishReason: 'stop' });
    const grammar = { gbnf: 'root ::= " red apple, green pear" ("," [a-z ]+)? "!"' };
    expect((await generateOn(guessing, quoting, { maxTokens: 48, grammar })).text).toMatch(
      /^ red apple, green pear/,
    );
  });

  it('is scored as without, and drawn from the same seed the same each time', async () => {
    const sampling = { temperature: 1, seed: 5 };
    const one = await generateOn(guessing, quoting, { maxTokens: 32, sampling });
    const two = await generateOn(guessing, quoting, { maxTokens: 32, sampling, cachePrompt: false });
    const scored = await generateOn(guessing, quoting, { maxTokens: 32, sampling, logprobs: 1 });

    expect(two.text).toBe(one.text);
    expect(scored.text).toBe(one.text);
    expect(scored.tokens.every(({ score }) => (score?.logprob ?? 1) <= 0)).toBe(true);
  });

  it('leaves a state that the next prompt goes on from rightly', async () => {
    for (const prompt of [quoting, `${quoting} And then`, 'The capital of France is']) {
      const expected = await generateOn(plain, prompt, { maxTokens: 16 });

      expect((await generateOn(guessing, prompt, { maxTokens: 16 })).text).toBe(expected.text);
    }
  });

  it('may be left at any token', async () => {
    const request = { prompt: guessing.tokenize(quoting), maxTokens: 48, stop: [] };
    let pieces = 0;
    for await (const _ of guessing.generate({ ...request, sampling: greedy })) {
      pieces += 1;
      if (pieces === 5) break;
    }

    expect((await generateOn(guessing, 'The capital of France is', { maxTokens: 4 })).text).toMatch(
      /^ Paris/,
    );
  });
});
