import { describe, expect, it } from 'vitest';
import { AttentionTiles } from '../../../../src/engine/prompt/attention-tiles.ts';
import { createSequences, generate, generateCold, promptOf, toRequest } from './create-sequences.ts';
import type { FakeContext } from './fake-context.ts';

const sizes = ({ decodes }: FakeContext) => decodes.map(({ tokens }) => tokens.length);

describe('the pieces of a prompt', () => {
  it('are single blocks until the pace is known, and then as long as a second allows', async () => {
    const { sequence, context } = createSequences();
    await generate(sequence, promptOf(700), { maxTokens: 0 });
    expect(sizes(context)).toEqual([64, 512, 64, 60]);

    const slow = createSequences({ decodeMs: (tokens) => tokens * 5 });
    await generate(slow.sequence, promptOf(700), { maxTokens: 0 });
    expect(sizes(slow.context)).toEqual([64, 192, 192, 192, 60]);
  });

  it('learn their pace from last pieces too', async () => {
    const { sequence, context } = createSequences();
    await generate(sequence, promptOf(64, 1), { maxTokens: 1 });
    await generate(sequence, promptOf(700), { maxTokens: 0 });

    expect(sizes(context)).toEqual([64, 512, 128, 60]);
  });

  it('are no longer than the longest decode', async () => {
    const { sequence, context } = createSequences({ longestDecode: 128 });
    await generate(sequence, promptOf(400), { maxTokens: 0 });

    expect(sizes(context)).toEqual([64, 128, 128, 64, 16]);
  });

  it('do not change the text', async () => {
    const texts = [64, 128, 512].map((longestDecode) =>
      generateCold(promptOf(500), {}, { longestDecode, decodeMs: () => 1 }),
    );

    expect(new Set(await Promise.all(texts)).size).toBe(1);
  });
});

describe('the tiles of the attention', () => {
  const options = { rule: 'common', tiles: new AttentionTiles(100) } as const;
  const held = promptOf(1000);

  it.each([
    ['tokens that almost fill one', 50, 986, [64]],
    ['few tokens', 10, 1000, [10]],
    ['tokens that fill one', 64, 1000, [64]],
    ['a few tokens behind one', 67, 1000, [3, 64]],
    ['many tokens behind one', 90, 1000, [90]],
  ])('are filled by %s', async (_, count, cachedTokens, pieces) => {
    const { sequence, context } = createSequences(options);
    await generate(sequence, held, { maxTokens: 0 });
    const before = context.decodes.length;
    const prompt = [...held, ...promptOf(count, 1)];
    const { summary, text } = await generate(sequence, prompt, { maxTokens: 1 });

    expect(sizes(context).slice(before)).toEqual(pieces);
    expect(summary).toMatchObject({ cachedTokens, promptTokens: 1000 + count - cachedTokens });
    expect(text).toBe(await generateCold(prompt, { maxTokens: 1 }));
  });

  it('are of no account by the exact rule, and where a model cannot go back', async () => {
    const prompt = [...held, ...promptOf(50, 1)];
    const exact = createSequences({ ...options, rule: 'exact' });
    await generate(exact.sequence, held, { maxTokens: 0 });
    expect((await generate(exact.sequence, prompt)).summary.cachedTokens).toBe(960);

    const recurrent = createSequences({ ...options, canForget: false });
    await generate(recurrent.sequence, held, { maxTokens: 0 });
    expect((await generate(recurrent.sequence, prompt)).summary.cachedTokens).toBe(1000);
  });
});

describe('a request for no tokens', () => {
  it('evaluates the prompt, and nothing else', async () => {
    const { sequence, context } = createSequences();
    const { events, summary } = await generate(sequence, promptOf(70), { maxTokens: 0 });

    expect(sizes(context)).toEqual([64, 6]);
    expect(events.map(({ type }) => type)).toEqual(['end']);
    expect(summary).toEqual({
      finishReason: 'length',
      stopped: false,
      deadline: false,
      waitMs: 0,
      cachedTokens: 0,
      promptTokens: 70,
      unevaluatedTokens: 0,
      promptMs: 70,
      completionTokens: 0,
      completionMs: 0,
    });
  });
});

describe('a deadline within the prompt', () => {
  it('allows the very first piece, and refuses the one that would end too late', async () => {
    const { sequence, clock, context } = createSequences({ decodeMs: (tokens) => tokens * 10 });
    const endBy = clock.now() + 2000;
    const { summary, text } = await generate(sequence, promptOf(300), { endBy });

    // A block takes 640 ms, and half as much again is expected: the third would end 240 ms too late.
    expect(sizes(context)).toEqual([64, 64]);
    expect(clock.now()).toBeLessThanOrEqual(endBy);
    expect(text).toBe('');
    expect(summary).toMatchObject({
      deadline: true,
      finishReason: 'length',
      promptTokens: 128,
      unevaluatedTokens: 172,
      completionTokens: 0,
    });
  });

  it('leaves the evaluated pieces to the next prompt', async () => {
    const { sequence, clock } = createSequences({ decodeMs: (tokens) => tokens * 10 });
    await generate(sequence, promptOf(300), { endBy: clock.now() + 2000 });
    const { text, summary } = await generate(sequence, promptOf(300));

    expect(summary.cachedTokens).toBe(128);
    expect(text).toBe(await generateCold(promptOf(300)));
  });

  it('refuses the last piece as well', async () => {
    const { sequence, clock, context } = createSequences({ decodeMs: (tokens) => tokens * 10 });
    const { summary } = await generate(sequence, promptOf(100), { endBy: clock.now() + 1000 });

    expect(sizes(context)).toEqual([64]);
    expect(summary).toMatchObject({ deadline: true, promptTokens: 64, unevaluatedTokens: 36 });
  });

  it('does not refuse for ever after one slow piece', async () => {
    const { sequence, clock, context } = createSequences();
    context.onDecode = () => clock.advance(100_000);
    await generate(sequence, promptOf(65), { maxTokens: 0 });
    context.onDecode = () => {};
    let refused = 0;
    const isRefused = async () => {
      const options = { endBy: clock.now() + 5000, cachePrompt: false };
      return (await generate(sequence, promptOf(65), options)).summary.deadline;
    };
    while (refused < 100 && (await isRefused())) refused += 1;

    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(40);
    expect(await isRefused()).toBe(false);
  });
});

describe('an abort within the prompt', () => {
  const reason = new Error('the client disconnected');

  it.each([
    [0, 64],
    [1, 128],
    [4, 256],
  ])(
    'ends the generation after piece %i, and the next prompt reuses the evaluated blocks',
    async (piece, cachedTokens) => {
      const { sequence, context } = createSequences({ longestDecode: 64 });
      const abort = new AbortController();
      context.onDecode = ({ index }) => index === piece && abort.abort(reason);

      await expect(generate(sequence, promptOf(300), {}, abort.signal)).rejects.toBe(reason);
      expect(context.decodes).toHaveLength(piece + 1);
      const { text, summary } = await generate(sequence, promptOf(300));
      expect(summary.cachedTokens).toBe(piece === 4 ? 300 : cachedTokens);
      expect(text).toBe(await generateCold(promptOf(300)));
    },
  );
});

describe('a decode that fails within the prompt', () => {
  it.each([0, 1, 4])(
    'at piece %i fails the generation, and the next prompt is evaluated from its beginning',
    async (piece) => {
      const { sequence, context } = createSequences({ longestDecode: 64 });
      await generate(sequence, promptOf(64), { maxTokens: 0 });
      context.onDecode = ({ index }) => {
        if (index === piece + 1) throw new Error('no memory');
      };

      await expect(generate(sequence, [...promptOf(300)], { cachePrompt: false })).rejects.toThrow(
        'no memory',
      );
      const { text, summary } = await generate(sequence, promptOf(300));
      expect(summary.cachedTokens).toBe(0);
      expect(text).toBe(await generateCold(promptOf(300)));
    },
  );
});

describe('the scores of a prompt', () => {
  const prompt = promptOf(150);

  async function scoresOf(options: Parameters<typeof generate>[2], longestDecode = 512) {
    const { sequence, context } = createSequences({ longestDecode });
    const { events, text } = await generate(sequence, prompt, {
      promptLogprobs: true,
      logprobs: 2,
      ...options,
    });
    const [first] = events;
    if (first?.type !== 'prompt') throw new Error('The scores are not the first event.');
    return { scores: first.scores, text, context };
  }

  it('cover all its tokens except the first, however it is cut', async () => {
    const { scores } = await scoresOf({ maxTokens: 0 });

    expect(scores.map(({ token }) => token)).toEqual(prompt.slice(1));
    expect(scores.every(({ top, logprob }) => top.length === 2 && logprob < 0)).toBe(true);
    expect((await scoresOf({ maxTokens: 0 }, 64)).scores).toEqual(scores);
  });

  it('are the same when tokens are generated behind it', async () => {
    const { scores, text } = await scoresOf({ maxTokens: 4 });

    expect(scores).toEqual((await scoresOf({ maxTokens: 0 })).scores);
    expect(text).toBe(await generateCold(prompt, { maxTokens: 4 }));
  });

  it('cover the evaluated pieces when the time is up', async () => {
    const { sequence, clock } = createSequences({ decodeMs: (tokens) => tokens * 10 });
    const options = { promptLogprobs: true, logprobs: 0, endBy: clock.now() + 1000 };
    const { events } = await generate(sequence, prompt, options);

    expect(events[0]).toMatchObject({ type: 'prompt', scores: { length: 64 } });
    expect(toRequest(prompt, options).maxTokens).toBeGreaterThan(0);
  });
});
