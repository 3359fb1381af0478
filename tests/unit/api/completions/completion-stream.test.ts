import { describe, expect, it } from 'vitest';
import type { CompletionChunk } from '../../../../src/api/completions/completion.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { askStreamed, askWhole } from '../fake-service.ts';

/** Joins the chunks of one choice. */
function joinChoice(chunks: readonly CompletionChunk[], index: number) {
  const choices = chunks.flatMap((chunk) => chunk.choices.filter((choice) => choice.index === index));
  const logprobs = choices.flatMap((choice) => (choice.logprobs === null ? [] : [choice.logprobs]));
  return {
    text: choices.map(({ text }) => text).join(''),
    finishReasons: choices.flatMap(({ finish_reason: reason }) => (reason === null ? [] : [reason])),
    tokens: choices.flatMap(({ tokens = [] }) => tokens),
    logprobs: {
      tokens: logprobs.flatMap(({ tokens }) => tokens),
      token_logprobs: logprobs.flatMap((each) => each.token_logprobs),
      top_logprobs: logprobs.flatMap((each) => each.top_logprobs),
      text_offset: logprobs.flatMap((each) => each.text_offset),
    },
  };
}

describe('a streamed completion', () => {
  it('has chunks for every choice, and one final chunk for each', async () => {
    const engine = new FakeEngine(['ab', 'cde', 'f', 'g'], { slots: 2 });
    const chunks = await askStreamed({ prompt: ['one', 'two'], n: 2, max_tokens: 3 }, engine);

    expect([0, 1, 2, 3].map((index) => joinChoice(chunks, index))).toMatchObject([
      { text: 'ab', finishReasons: ['stop'] },
      { text: 'cde', finishReasons: ['length'] },
      { text: 'f', finishReasons: ['stop'] },
      { text: 'g', finishReasons: ['stop'] },
    ]);
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
    expect(chunks.filter(({ timings }) => timings !== undefined)).toHaveLength(4);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`))).toEqual(
      new Set(['cmpl-a1-b2 1795521600']),
    );
    expect(engine).toMatchObject({ open: 0, mostOpen: 2 });
  });

  it.each([
    { prompt: 'a😀b', echo: true, logprobs: 3 },
    { prompt: 'a😀b', echo: true },
    { prompt: 'a😀b', logprobs: 0, return_tokens: true },
    { prompt: [97, 0x1f600], echo: true, max_tokens: 0, logprobs: 1 },
    { prompt: 'ab', echo: true, max_tokens: 0 },
    { prompt: 'ab', logprobs: 2, stop: ['c!'] },
    { prompt: 'ab', n: 2, max_tokens: 4, logprobs: 1, echo: true },
  ])('adds up to the whole answer: %j', async (body) => {
    const answer = ['Hi ', 0x1f600, ...toByteTokens('🌍é'), 'c!d'].flatMap((part) =>
      typeof part === 'number' ? part : [...part].map((character) => character.codePointAt(0) ?? 0),
    );
    const engine = () => new FakeEngine([answer, 'other']);
    const whole = await askWhole(body, engine());
    const chunks = await askStreamed(body, engine());

    for (const choice of whole.choices) {
      const joined = joinChoice(chunks, choice.index);
      expect(joined.text).toBe(choice.text);
      expect(joined.finishReasons).toEqual([choice.finish_reason]);
      expect(joined.tokens).toEqual(choice.tokens ?? []);
      expect(joined.logprobs).toEqual(
        choice.logprobs ?? { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
      );
    }
  });

  it('starts each choice with the echoed prompt', async () => {
    const chunks = await askStreamed({ prompt: 'Hi', echo: true, n: 2 }, new FakeEngine('ab', { slots: 2 }));
    const texts = [0, 1].map((index) =>
      chunks
        .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
        .map(({ text }) => text),
    );

    expect(texts).toEqual([
      ['Hia', 'b', ''],
      ['Hia', 'b', ''],
    ]);
  });

  it('ends with the usage of all generations with include_usage', async () => {
    const body = { prompt: ['one', 'second'], n: 2, stream_options: { include_usage: true } };
    const chunks = await askStreamed(body, new FakeEngine('ab', { slots: 2 }));

    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 8, total_tokens: 17 },
    });
  });

  it('has the timings in every chunk with timings_per_token', async () => {
    const counts = async (body: object) =>
      (await askStreamed({ prompt: 'Hi', ...body }, new FakeEngine('abc'))).map(
        ({ timings }) => timings?.predicted_n,
      );

    expect(await counts({ timings_per_token: true })).toEqual([1, 2, 3, 3]);
    expect(await counts({})).toEqual([undefined, undefined, undefined, 3]);
  });

  it.each([
    [{ best_of: 2 }, 'best_of'],
    [{ best_of: 1, n: 2 }, 'best_of'],
  ])('is rejected with %j', async (body, param) => {
    await expect(askStreamed({ prompt: 'Hi', ...body }, new FakeEngine())).rejects.toMatchObject({
      code: 'invalid_value',
      param,
    });
  });
});
