// What decides the next token, and what the text must match, on the real model.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, GrammarError, GrammarPrefixError } from '../../src/engine/engine.ts';
import { generateOn, loadEngine } from './generation.ts';

const question = '<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n';

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const tokenOf = (text: string) => engine.tokenizeText(text, { special: true })[0] ?? -1;

describe('biases', () => {
  it('forbid a token, and force one', async () => {
    const paris = tokenOf(' Paris');
    const bias = (value: number) =>
      generateOn(engine, 'The capital of France is', {
        maxTokens: 2,
        sampling: { logitBias: new Map([[paris, value]]) },
      });

    expect((await bias(0)).text).toMatch(/^ Paris/);
    expect((await bias(Number.NEGATIVE_INFINITY)).text).not.toMatch(/^ Paris/);
    expect((await bias(100)).text).toBe(' Paris Paris');
  });

  // The library's own setter passes over the tokens that end a text; this holds us to what we do about it.
  it('hold for tokens that end a text', async () => {
    const end = tokenOf('<|im_end|>');
    const forced = await generateOn(engine, 'Hello', { sampling: { logitBias: new Map([[end, 100]]) } });
    const ignored = await generateOn(engine, question, {
      maxTokens: 80,
      sampling: { ignoreEndOfGeneration: true },
    });

    expect(forced).toMatchObject({ text: '', finishReason: 'stop', completionTokens: 1 });
    expect((await generateOn(engine, question, { maxTokens: 80 })).finishReason).toBe('stop');
    expect(ignored).toMatchObject({ finishReason: 'length', completionTokens: 80 });
  });
});

describe('penalties', () => {
  const distinct = async (sampling: object) => {
    const { tokens } = await generateOn(engine, 'la la la la', { maxTokens: 40, sampling });
    return new Set(tokens.map(({ token }) => token)).size;
  };

  it('on presence and on frequency make a text more varied', async () => {
    const plain = await distinct({});

    expect(await distinct({ presencePenalty: 2 })).toBeGreaterThan(plain);
    expect(await distinct({ frequencyPenalty: 2 })).toBeGreaterThan(plain);
  });

  it('on repetition make a text more varied', async () => {
    expect(await distinct({ repeatPenalty: 1.5 })).toBeGreaterThan(await distinct({}));
  });

  it('on repeated sequences end a repetition', async () => {
    const dry = { multiplier: 5, base: 1.75, allowedLength: 2, lastTokens: null, sequenceBreakers: ['\n'] };

    expect(await distinct({ dry })).toBeGreaterThan(await distinct({}));
  });

  it('may drop the likeliest tokens', async () => {
    const prompt = 'The capital of France is';
    const { text } = await generateOn(engine, prompt, {
      maxTokens: 1,
      sampling: { temperature: 1, seed: 1, topK: 2, xtc: { probability: 1, threshold: 0.01 } },
    });

    expect(text).not.toBe('');
    expect(text).not.toBe(' Paris');
  });
});

describe('a grammar', () => {
  it('is matched from the first token on', async () => {
    const gbnf = 'root ::= " yes" | " no"';

    expect(await generateOn(engine, 'Is water wet?', { grammar: { gbnf } })).toMatchObject({
      text: expect.stringMatching(/^ (?:yes|no)$/),
      finishReason: 'stop',
    });
  });

  it('is matched from its trigger on, when the model goes on as it says', async () => {
    const grammar = { gbnf: 'root ::= " Paris" "." " yes"', triggers: [' Paris'] };
    const { text, finishReason } = await generateOn(engine, 'The capital of France is', { grammar });

    expect(text).toBe(' Paris. yes');
    expect(finishReason).toBe('stop');
  });

  it.each([
    ['that the model only mentions', { triggers: [' Paris'] }],
    ['within thoughts', { triggers: ['Paris'], thoughts: { start: ' ', ends: ['</t>'], hasStarted: false } }],
  ])('does not start at a trigger %s', async (_, start) => {
    const options = { maxTokens: 6 };
    const free = await generateOn(engine, 'The capital of France is', options);
    const grammar = { gbnf: 'root ::= " Paris"? "Paris"? "!"', ...start };

    expect(await generateOn(engine, 'The capital of France is', { ...options, grammar })).toMatchObject({
      text: free.text,
    });
  });

  it('covers what the prompt ends with', async () => {
    const grammar = {
      gbnf: 'root ::= "<|im_start|>assistant\\n" ("yes" | "no")',
      prefix: '<|im_start|>assistant\n',
    };
    const { text } = await generateOn(engine, 'Is water wet?<|im_end|>\n<|im_start|>assistant\n', {
      grammar,
    });

    expect(text).toMatch(/^(?:yes|no)$/);
    await expect(generateOn(engine, 'Hi', { grammar: { ...grammar, prefix: 'no' } })).rejects.toThrow(
      /prompt/,
    );
    await expect(generateOn(engine, 'Hi', { grammar: { ...grammar, prefix: 'no' } })).rejects.toBeInstanceOf(
      GrammarPrefixError,
    );
  });

  it.each(['root ::= (', 'root ::= root "a" | "a"', 'other ::= "a"', 'root ::= missing', ''])(
    'that llama.cpp does not take is told so: %j',
    async (gbnf) => {
      await expect(generateOn(engine, 'Hello', { grammar: { gbnf } })).rejects.toBeInstanceOf(GrammarError);
      expect((await generateOn(engine, 'The capital of France is', { maxTokens: 1 })).text).toBe(' Paris');
    },
  );

  // llama.cpp would take a token that the grammar forbids, and end the process.
  it.each([
    ['the end of the text is', { ignoreEndOfGeneration: true }],
    ['every likely token is', { xtc: { probability: 1, threshold: 0 } }],
  ])('ends though %s forbidden', async (_, sampling) => {
    const grammar = { gbnf: 'root ::= "true" | "false"' };
    const { text } = await generateOn(engine, 'Hi', {
      grammar,
      maxTokens: 12,
      sampling: { temperature: 1, seed: 1, ...sampling },
    });

    expect(text).toMatch(/^(?:true|false)/);
  });

  // The first token of this vocabulary, which llama.cpp chooses where all are alike, would end the text.
  it('that admits no token ends with an error', async () => {
    const grammar = { gbnf: 'root ::= "a" "\\U00200000"' };

    await expect(generateOn(engine, 'Hi', { grammar })).rejects.toThrow(
      expect.objectContaining({ name: 'GrammarError', message: expect.stringContaining('admits none') }),
    );
  });

  it('that is too deep for a native stack is refused', async () => {
    const gbnf = `root ::= ${'('.repeat(100_000)}"a"${')'.repeat(100_000)}`;

    await expect(generateOn(engine, 'Hello', { grammar: { gbnf } })).rejects.toBeInstanceOf(GrammarError);
  });
});
