import { describe, expect, it, vi } from 'vitest';
import type { AsideOptions, Token } from '../../../../src/engine/engine.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { askWhole } from '../fake-service.ts';

const codes = (text: string) => [...text].map((character) => character.codePointAt(0));

describe('a prompt', () => {
  it.each([
    ['a text', 'Hi', ['Hi']],
    ['tokens', [72, 105], ['Hi']],
    ['texts', ['Hi', 'Ho'], ['Hi', 'Ho']],
    ['lists of tokens', [[72, 105], [72]], ['Hi', 'H']],
  ])('may be %s', async (_, prompt, prompts) => {
    const engine = new FakeEngine();
    const { choices, usage } = await askWhole({ prompt }, engine);

    expect(engine.requests.map((request) => request.prompt)).toEqual(prompts.map(codes));
    expect(choices.map(({ index, text }) => [index, text])).toEqual(
      prompts.map((_text, index) => [index, ' Paris.']),
    );
    expect(usage.prompt_tokens).toBe(prompts.join('').length);
  });

  it('that is one of several lets other requests be answered before it is tokenized', async () => {
    const answered: string[] = [];
    class ObservedEngine extends FakeEngine {
      override async tokenizeAside(text: string, options: AsideOptions): Promise<Token[]> {
        answered.push(text);
        setImmediate(() => answered.push(`another after ${text}`));
        return super.tokenizeAside(text, options);
      }
    }
    await askWhole({ prompt: ['a', 'b'] }, new ObservedEngine());

    expect(answered.slice(0, 3)).toEqual(['a', 'another after a', 'b']);
  });

  it('that is empty consists of the beginning-of-sequence token', async () => {
    const engine = new FakeEngine('!', { properties: { addsBosToken: true, bosToken: '<s>' } });
    const { usage } = await askWhole({ prompt: '' }, engine);

    expect(usage.prompt_tokens).toBe(1);
  });

  it.each([
    ['without tokens', '', 'prompt', 'invalid_value', /at least one token/],
    [
      'with a token of another model',
      [[72], [0x12_0000]],
      'prompt',
      'invalid_value',
      /lower than \d+, not 1179648/,
    ],
    [
      'that fills the context',
      'a'.repeat(64),
      'prompt',
      'context_length_exceeded',
      /64 for the prompt and at least 1 for the answer\. The context has 64, the server's CONTEXT_SIZE\. Shorten/,
    ],
    [
      'that fills a context smaller than the model takes',
      'a'.repeat(48),
      'prompt',
      'context_length_exceeded',
      /The context has 48, the server's CONTEXT_SIZE; the model takes up to 64\. Shorten 'prompt'\./,
      48,
    ],
    ['after one that fits', ['a', 'a'.repeat(64)], 'prompt', 'context_length_exceeded', /64 for the prompt/],
    [
      'with too many characters',
      'a'.repeat(64 * 256 + 1),
      'prompt',
      'context_length_exceeded',
      /The 16385 characters/,
    ],
  ])('%s is rejected', async (_, prompt, param, code, message, contextSize = 64) => {
    const engine = new FakeEngine(undefined, { contextSize });

    await expect(askWhole({ prompt }, engine)).rejects.toMatchObject({
      code,
      param,
      status: 400,
      message: expect.stringMatching(message),
    });
    expect(engine.requests).toEqual([]);
  });
});

describe('several choices', () => {
  it('are in the order of the prompts, each with a seed higher by one', async () => {
    const engine = new FakeEngine(['a', 'b', 'c', 'd'], { slots: 3 });
    const { choices, usage } = await askWhole({ prompt: ['one', 'second'], n: 2, seed: 5 }, engine);

    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ]);
    expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([5, 6, 5, 6]);
    expect(usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 });
  });

  it('are the best ones by mean log-probability with best_of, and the usage counts all', async () => {
    const answers = ['long and likely', 'a', 'middle', 'b'];
    const engine = new FakeEngine(answers, { slots: 2, logprobs: [-0.1, -3, -0.2, -0.05] });
    const { choices, usage } = await askWhole({ prompt: 'Hi', n: 2, best_of: 4 }, engine);

    expect(choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, 'b', null],
      [1, 'long and likely', null],
    ]);
    expect(engine.requests.every(({ logprobs }) => logprobs === 0)).toBe(true);
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 23 });
  });

  it('are not scored when best_of drops none', async () => {
    const engine = new FakeEngine();
    await askWhole({ prompt: 'Hi', n: 2, best_of: 2 }, engine);

    expect(engine.requests.map(({ logprobs }) => logprobs)).toEqual([undefined, undefined]);
  });

  it('without tokens are equally good', async () => {
    const { choices } = await askWhole({ prompt: 'Hi', max_tokens: 0, n: 1, best_of: 3 }, new FakeEngine());

    expect(choices).toEqual([{ text: '', index: 0, finish_reason: 'length', logprobs: null }]);
  });
});

describe('an echoed prompt', () => {
  it.each([
    ['texts', ['Hi', 'Ho'], ['Hi Paris.', 'Hi Paris.', 'Ho Paris.', 'Ho Paris.']],
    ['tokens', [72, 0x1f600], ['H😀 Paris.', 'H😀 Paris.']],
  ])('of %s precedes each text', async (_, prompt, texts) => {
    const { choices } = await askWhole({ prompt, n: 2, echo: true }, new FakeEngine());

    expect(choices.map(({ text }) => text)).toEqual(texts);
  });

  it('is returned alone with its log-probabilities when max_tokens is 0', async () => {
    const engine = new FakeEngine();
    const { choices, usage } = await askWhole(
      { prompt: 'a😀b', max_tokens: 0, echo: true, logprobs: 1 },
      engine,
    );

    expect(engine.requests[0]).toMatchObject({ maxTokens: 0, logprobs: 1, promptLogprobs: true });
    expect(choices).toEqual([
      {
        text: 'a😀b',
        index: 0,
        finish_reason: 'length',
        logprobs: {
          tokens: ['a', '😀', 'b'],
          token_logprobs: [null, -0.5, -0.5],
          top_logprobs: [null, { '😀': -0.5 }, { b: -0.5 }],
          text_offset: [0, 1, 2],
        },
      },
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 0 });
  });

  it('is refused with more log-probabilities than are converted at once', async () => {
    const engine = new FakeEngine('', { contextSize: 32_768 });
    const prompt = 'a'.repeat(2000);
    const asking = askWhole({ prompt, max_tokens: 0, echo: true, logprobs: 20 }, engine);

    await expect(asking).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'logprobs',
      message: expect.stringContaining('asks for 42000 log-probabilities of a prompt of 2000 tokens'),
    });
    await expect(
      askWhole({ prompt, max_tokens: 0, echo: true, logprobs: 15 }, engine),
    ).resolves.toBeDefined();
  });

  it('has each token converted once', async () => {
    const engine = new FakeEngine();
    const toBytes = vi.spyOn(engine, 'toBytes');
    await askWhole({ prompt: 'abababab', max_tokens: 0, echo: true, logprobs: 1 }, engine);

    expect(toBytes).toHaveBeenCalledTimes(2);
  });

  it('is not scored without log-probabilities', async () => {
    const engine = new FakeEngine();
    await askWhole({ prompt: 'Hi', echo: true, n: 1, best_of: 2 }, engine);

    expect(engine.requests[0]).toMatchObject({ logprobs: 0, promptLogprobs: false });
  });
});

describe('log-probabilities', () => {
  it.each([
    [0, { P: -0.5 }],
    [1, { P: -0.5 }],
    [5, { P: -0.5, a: -1.5, b: -2.5, c: -3.5, d: -4.5 }],
  ])('with %i alternatives always include the token itself', async (logprobs, top) => {
    const { choices } = await askWhole({ prompt: 'Hi', logprobs }, new FakeEngine('P'));

    expect(choices[0]?.logprobs).toEqual({
      tokens: ['P'],
      token_logprobs: [-0.5],
      top_logprobs: [top],
      text_offset: [0],
    });
  });

  it('have up to 20 alternatives, and 21 are rejected', async () => {
    const { choices } = await askWhole({ prompt: 'Hi', logprobs: 20 }, new FakeEngine('P'));

    expect(Object.keys(choices[0]?.logprobs?.top_logprobs[0] ?? {})).toHaveLength(20);
    await expect(askWhole({ prompt: 'Hi', logprobs: 21 }, new FakeEngine())).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'logprobs',
      message: "'logprobs' must be at most 20, not 21.",
    });
  });

  it('have offsets in code points, and bytes for parts of characters', async () => {
    const engine = new FakeEngine([[0x1f600, ...toByteTokens('🌍'), 0x62]]);
    const { choices } = await askWhole({ prompt: 'a😀', echo: true, logprobs: 0 }, engine);

    expect(choices[0]?.text).toBe('a😀😀🌍b');
    expect(choices[0]?.logprobs?.tokens).toEqual([
      'a',
      '😀',
      '😀',
      'bytes:\\xf0',
      'bytes:\\x9f',
      'bytes:\\x8c',
      'bytes:\\x8d',
      'b',
    ]);
    expect(choices[0]?.logprobs?.text_offset).toEqual([0, 1, 2, 3, 3, 3, 3, 4]);
  });

  it('have no token of the stop string', async () => {
    const { choices } = await askWhole({ prompt: 'Hi', logprobs: 0, stop: 'ris' }, new FakeEngine());

    expect(choices[0]).toMatchObject({
      text: ' Pa',
      finish_reason: 'stop',
      logprobs: { tokens: [' ', 'P', 'a'] },
    });
  });
});

describe('a completion', () => {
  it('ends after max_tokens', async () => {
    const { choices, timings } = await askWhole({ prompt: 'Hi', max_tokens: 3 }, new FakeEngine());

    expect(choices[0]).toMatchObject({ text: ' Pa', finish_reason: 'length' });
    expect(timings).not.toHaveProperty('deadline');
  });

  it('reports that the deadline ended it', async () => {
    const summary = { finishReason: 'length', deadline: true } as const;
    const { choices, timings } = await askWhole({ prompt: 'Hi' }, new FakeEngine('Par', { summary }));

    expect(choices[0]).toMatchObject({ text: 'Par', finish_reason: 'length' });
    expect(timings.deadline).toBe(true);
  });

  it('has its tokens with return_tokens', async () => {
    const { choices } = await askWhole({ prompt: 'Hi', return_tokens: true }, new FakeEngine('P😀'));

    expect(choices[0]?.tokens).toEqual([0x50, 0x1f600]);
  });

  it('with a suffix fills in, and is rejected when the model cannot', async () => {
    const engine = new FakeEngine('b', { infills: true });
    const { choices } = await askWhole({ prompt: 'a', suffix: 'c' }, engine);

    expect(choices[0]?.text).toBe('b');
    expect(engine.requests[0]?.prompt).toHaveLength(5);
    await expect(askWhole({ prompt: 'a', suffix: 'c'.repeat(20_000) }, engine)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'suffix',
    });
    await expect(askWhole({ prompt: 'a', suffix: 'c' }, new FakeEngine())).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'suffix',
    });
  });
});
