import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { GenerationEvent, GenerationRequest, Token } from '../../../../src/engine/engine.ts';
import {
  createSequences,
  generate,
  generateCold,
  greedy,
  promptOf,
  type SequenceOptions,
  start,
  toRequest,
  toTokens,
} from './create-sequences.ts';
import { endToken } from './fake-context.ts';

const prompt = promptOf(150);
const reason = new Error('the client disconnected');

/** A model that writes a text behind the prompt, and ends. */
const writes = (text: string) => (tokens: readonly Token[]) =>
  toTokens(text)[tokens.length - prompt.length] ?? endToken;

/** Who chooses the tokens: JavaScript one by one, or the native loop. */
const ways: [string, SequenceOptions][] = [
  ['one by one', {}],
  ['by the native loop', { hasLoop: true }],
];

/** Events without the times in them. */
function untimed(events: readonly GenerationEvent[]): unknown[] {
  return JSON.parse(JSON.stringify(events), (key, value) => (key.endsWith('Ms') ? undefined : value));
}

describe.each(ways)('tokens that are chosen %s', (_, way) => {
  it('end before a stop string that spans two tokens', async () => {
    const { sequence } = createSequences({ ...way, next: writes('onetwothree') });
    const { text, summary } = await generate(sequence, prompt, { maxTokens: 20, stop: ['tw'] });

    expect(text).toBe('one');
    expect(summary).toMatchObject({ finishReason: 'stop', stopped: true, completionTokens: 5 });
  });

  it('end with the token that ends a text, which has no text but is among the tokens', async () => {
    const { sequence } = createSequences({ ...way, next: writes('one') });
    const { text, summary, events } = await generate(sequence, prompt, { maxTokens: 20 });
    const tokens = events.flatMap((event) => (event.type === 'text' ? event.tokens : []));

    expect(text).toBe('one');
    expect(summary).toMatchObject({ finishReason: 'stop', stopped: false, completionTokens: 4 });
    expect(tokens.map(({ token }) => token)).toEqual([...toTokens('one'), endToken]);
  });

  it('include text that only started a stop string', async () => {
    const { sequence } = createSequences({ ...way, next: writes('onetw') });

    expect((await generate(sequence, prompt, { maxTokens: 5, stop: ['twx'] })).text).toBe('onetw');
  });

  it.each([1, 2, 3, 7])(
    'are %i when the request asks for so many, and no more tokens are evaluated',
    async (maxTokens) => {
      const { sequence, context } = createSequences(way);
      const { summary } = await generate(sequence, prompt, { maxTokens });

      expect(summary).toMatchObject({ finishReason: 'length', completionTokens: maxTokens });
      expect(context.evaluated).toBe(prompt.length + maxTokens - 1);
    },
  );

  it('give the same events as tokens that are chosen one by one', async () => {
    const requests: Partial<GenerationRequest>[] = [
      { maxTokens: 12 },
      { maxTokens: 12, progress: true },
      { maxTokens: 30, stop: ['x', 'ab'] },
      { maxTokens: 12, sampling: { ...greedy, temperature: 1, seed: 5 } },
    ];
    for (const request of requests) {
      const { events } = await generate(createSequences(way).sequence, prompt, request);
      const { events: expected } = await generate(createSequences().sequence, prompt, request);

      expect(untimed(events)).toEqual(untimed(expected));
    }
  });

  it('leave a sequence that the next prompt reuses after an abort', async () => {
    for (const decode of [3, 4, 7]) {
      const { sequence, context } = createSequences(way);
      const abort = new AbortController();
      context.onDecode = ({ index }) => index === decode && abort.abort(reason);

      await expect(generate(sequence, prompt, { maxTokens: 50 }, abort.signal)).rejects.toBe(reason);
      const { text, summary } = await generate(sequence, prompt);
      expect(summary.cachedTokens).toBe(128);
      expect(text).toBe(await generateCold(prompt));
    }
  });

  it('leave a sequence on which the next prompt is evaluated from its beginning after a failed decode', async () => {
    for (const decode of [3, 4, 7]) {
      const { sequence, context } = createSequences(way);
      context.onDecode = ({ index }) => {
        if (index === decode) throw new Error('no memory');
      };

      await expect(generate(sequence, prompt, { maxTokens: 50 })).rejects.toThrow('no memory');
      expect(sequence.reusableTokens(toRequest(prompt))).toBe(0);
      const { text, summary } = await generate(sequence, prompt);
      expect(summary.cachedTokens).toBe(0);
      expect(text).toBe(await generateCold(prompt));
    }
  });

  it('leave no step behind when the iteration ends early', async () => {
    const { sequence, context } = createSequences(way);
    for (const events of [1, 2, 5]) {
      const generation = start(sequence, toRequest(prompt, { maxTokens: 50 }));
      for (let event = 0; event < events; event += 1) await generation.next();
      await generation.return();
      const { length } = context.decodes;

      expect(context.busy).toBe(0);
      await nextTurn();
      expect(context.decodes).toHaveLength(length);
    }
    expect((await generate(sequence, prompt)).text).toBe(await generateCold(prompt));
  });

  it('are yielded while the next one is evaluated', async () => {
    const { sequence, context } = createSequences(way);
    const gate = Promise.withResolvers<void>();
    // The prompt takes three decodes.
    context.onDecode = ({ index }) => index === 3 && gate.promise;
    const generation = start(sequence, toRequest(prompt));
    const first = await generation.next();

    expect(first.value).toMatchObject({ type: 'text', tokens: [{}] });
    expect(context.decodes).toHaveLength(4);
    gate.resolve();
    await generation.return();
  });

  it('end when the next one would come too late', async () => {
    const { sequence, clock } = createSequences({ ...way, decodeMs: () => 100 });
    const endBy = clock.now() + 1950;
    const { summary, text } = await generate(sequence, prompt, { maxTokens: 50, endBy });

    expect(summary).toMatchObject({ deadline: true, finishReason: 'length' });
    // After the prompt's three decodes, 16 more would fit.
    expect(summary.completionTokens).toBeGreaterThan(14);
    expect(text).toHaveLength(summary.completionTokens);
    expect(clock.now()).toBeLessThanOrEqual(endBy);
  });

  it('end when the time for them is up', async () => {
    const { sequence } = createSequences({ ...way, decodeMs: () => 100 });
    const { summary } = await generate(sequence, prompt, { maxTokens: 50, maxPredictMs: 1000 });

    expect(summary).toMatchObject({ deadline: false, finishReason: 'length' });
    expect(summary.completionMs).toBeGreaterThanOrEqual(1000);
    expect(summary.completionMs).toBeLessThanOrEqual(1200);
  });

  it('teach the pace how long each of them took', async () => {
    const { sequence, pace } = createSequences({ ...way, decodeMs: () => 10 });
    await generate(sequence, prompt, { maxTokens: 12 });

    expect(pace.expectDecode()).toBe(15);
  });

  it('are removed by a prompt that reuses all that came before them', async () => {
    const { sequence } = createSequences(way);
    const whole = promptOf(128);
    await generate(sequence, whole);
    const longer = [...whole, 1, 2, 3];
    const { text, summary } = await generate(sequence, longer);

    expect(summary.cachedTokens).toBe(128);
    expect(text).toBe(await generateCold(longer));
  });

  it('are timed by the clock', async () => {
    const { sequence } = createSequences({ ...way, decodeMs: (tokens) => tokens });
    const { summary } = await generate(sequence, prompt, { maxTokens: 11 });

    expect(summary.promptMs).toBe(150);
    expect(summary.completionMs).toBe(10);
  });

  it('come with the progress when the request asks for it', async () => {
    const { sequence } = createSequences(way);
    const { events } = await generate(sequence, prompt, { maxTokens: 4, progress: true });
    const progress = events.map((event) => (event.type === 'text' ? event.progress?.completionTokens : -1));

    expect(progress).toEqual([1, 2, 3, 4, -1]);
  });
});

describe('the native loop', () => {
  const isLoop = async (options: SequenceOptions, request: Partial<GenerationRequest> = {}) => {
    const { sequence, context } = createSequences({ hasLoop: true, ...options });
    await generate(sequence, prompt, request);
    return context.decodes.slice(3).map((decode) => decode.isLoop);
  };

  it('takes all steps behind the first token', async () => {
    expect(await isLoop({}, { maxTokens: 5 })).toEqual([true, true, true, true]);
  });

  it.each<[string, SequenceOptions, Partial<GenerationRequest>]>([
    ['tokens are scored', {}, { logprobs: 0 }],
    ['several sequences share the context', { sequences: 2 }, {}],
  ])('is not used when %s', async (_, options, request) => {
    expect(await isLoop(options, request)).not.toContain(true);
  });

  it('keeps a step ahead of JavaScript, within the tokens that are left', async () => {
    const { sequence, context } = createSequences({ hasLoop: true });
    const generation = start(sequence, toRequest(prompt, { maxTokens: 4 }));
    const decodes: number[] = [];
    for await (const _ of generation) {
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
      decodes.push(context.decodes.length - 3);
    }

    expect(decodes).toEqual([2, 3, 3, 3, 3]);
  });

  it('takes no step that has not started when the iteration ends', async () => {
    const { sequence, context } = createSequences({ hasLoop: true });
    const gate = Promise.withResolvers<void>();
    context.onDecode = ({ index }) => index === 3 && gate.promise;
    const generation = start(sequence, toRequest(prompt, { maxTokens: 50 }));
    await generation.next();
    const returned = generation.return();
    gate.resolve();
    await returned;

    expect(context.decodes).toHaveLength(4);
  });

  it('rejects a step that failed before it was read', async () => {
    const { sequence, context } = createSequences({ hasLoop: true });
    context.onDecode = ({ index }) => {
      if (index === 4) throw new Error('no memory');
    };
    const generation = start(sequence, toRequest(prompt, { maxTokens: 50 }));
    await generation.next();
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();

    expect(context.decodes).toHaveLength(5);
    await generation.next();
    await expect(generation.next()).rejects.toThrow('no memory');
  });

  it('knows what the sequence holds when a stop string was found one step late', async () => {
    const { sequence, context } = createSequences({ hasLoop: true, next: writes('onetwothreefour') });
    await generate(sequence, prompt, { maxTokens: 20, stop: ['tw'] });

    expect(context.heldBy(0).length).toBeGreaterThanOrEqual(prompt.length + 4);
    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(128);
  });
});

describe('guesses by prompt lookup', () => {
  /** A model that repeats four letters. */
  const repeats = (tokens: readonly Token[]) => 1 + (tokens.length % 4);
  const quoted = Array.from({ length: 40 }, (_, index) => 1 + (index % 4));
  /** A model whose every fourth letter is another one each time. */
  const almostRepeats = (tokens: readonly Token[]) =>
    tokens.length % 4 < 3 ? 1 + (tokens.length % 4) : 4 + ((tokens.length >> 2) % 20);

  /** A model whose every twelfth letter is another one each time. */
  const longRepeats = (tokens: readonly Token[]) =>
    tokens.length % 12 < 11 ? 1 + (tokens.length % 12) : 13 + (Math.floor(tokens.length / 12) % 10);

  it('give several tokens a decode when they are right, and the same text', async () => {
    const { sequence, context } = createSequences({ lookupTokens: 4, next: repeats });
    const { text, summary } = await generate(sequence, quoted, { maxTokens: 21 });

    expect(text).toBe(await generateCold(quoted, { maxTokens: 21 }, { next: repeats }));
    expect(summary.completionTokens).toBe(21);
    // The prompt's two, and guesses that grow from two tokens to four; the last has room for one.
    expect(context.decodes.map(({ tokens }) => tokens.length)).toEqual([32, 8, 3, 5, 5, 5, 2]);
  });

  it('go between the steps of the native loop, and the text is the same', async () => {
    const letters = Array.from({ length: 40 }, (_, index) => longRepeats(promptOf(index)));
    const { sequence, context } = createSequences({ hasLoop: true, lookupTokens: 4, next: longRepeats });
    const { text, summary } = await generate(sequence, letters, { maxTokens: 40 });
    const steps = context.decodes.slice(2);

    expect(text).toBe(await generateCold(letters, { maxTokens: 40 }, { next: longRepeats }));
    expect(summary.completionTokens).toBe(40);
    // Only the steps with guesses are taken one by one.
    for (const { isLoop, tokens } of steps) expect(isLoop).toBe(tokens.length === 1);
    expect(steps.filter(({ isLoop }) => !isLoop).length).toBeGreaterThanOrEqual(3);
    expect(context.heldBy(0)).toEqual([...letters, ...toTokens(text).slice(0, -1)]);
  });

  it('are the same however long the loop takes', async () => {
    const letters = Array.from({ length: 40 }, (_, index) => longRepeats(promptOf(index)));
    const lengthsWith = async (pauses: number) => {
      const { sequence, context } = createSequences({ hasLoop: true, lookupTokens: 4, next: longRepeats });
      context.onDecode = async () => {
        for (let turn = 0; turn < pauses; turn += 1) await nextTurn();
      };
      await generate(sequence, letters, { maxTokens: 40 });
      return context.decodes.map(({ tokens }) => tokens.length);
    };

    expect(await lengthsWith(7)).toEqual(await lengthsWith(0));
  });

  it('are removed when they are wrong, and pause', async () => {
    const { sequence, context } = createSequences({ lookupTokens: 4, next: almostRepeats });
    const letters = Array.from({ length: 40 }, (_, index) => almostRepeats(promptOf(index)));
    const { text, summary } = await generate(sequence, letters, { maxTokens: 40 });
    const lengths = context.decodes.slice(2).map(({ tokens }) => tokens.length);

    expect(text).toBe(await generateCold(letters, { maxTokens: 40 }, { next: almostRepeats }));
    expect(summary.completionTokens).toBe(40);
    // A wrong guess, 16 tokens without one, and the next.
    expect(lengths.filter((length) => length > 1)).toEqual([3, 3]);
    // All but the last token of the text is evaluated.
    expect(context.heldBy(0)).toEqual([...letters, ...toTokens(text).slice(0, -1)]);
  });

  it.each([1, 2, 3, 5])('keep to the limit of %i tokens', async (maxTokens) => {
    const { sequence } = createSequences({ lookupTokens: 4, next: repeats });

    expect((await generate(sequence, quoted, { maxTokens })).summary.completionTokens).toBe(maxTokens);
  });

  it('stop at a stop string and at the end of the text, and leave the sequence usable', async () => {
    const ending = (tokens: readonly Token[]) => (tokens.length < 50 ? repeats(tokens) : endToken);
    for (const options of [{ stop: ['cd'] }, { stop: [] }]) {
      const { sequence } = createSequences({ lookupTokens: 4, next: ending });
      const { text, summary } = await generate(sequence, quoted, { maxTokens: 40, ...options });

      expect(text).toBe(await generateCold(quoted, { maxTokens: 40, ...options }, { next: ending }));
      expect(summary.finishReason).toBe('stop');
      const more = [...quoted, ...promptOf(30, 1)];
      expect((await generate(sequence, more)).text).toBe(await generateCold(more, {}, { next: ending }));
    }
  });

  it('stop at a guessed token that ends the text', async () => {
    // Chats have such tokens in their prompts.
    const turn = [1, 2, 3, endToken, 5, 6, 7, 8];
    const turns = [...turn, ...turn, ...turn.slice(0, 2)];
    const next = (tokens: readonly Token[]) => turn[tokens.length % turn.length] ?? endToken;
    const { sequence, context } = createSequences({ lookupTokens: 4, next });
    const { text, summary } = await generate(sequence, turns);

    expect([text, summary.completionTokens]).toEqual(['c', 2]);
    expect(context.heldBy(0)).toEqual([...turns, 3]);
  });

  it('are skipped when there is no time for them', async () => {
    const { sequence, context, clock } = createSequences({
      lookupTokens: 4,
      next: repeats,
      decodeMs: (tokens) => tokens * 10,
    });
    // A guess is given the time of 32 tokens.
    await generate(sequence, quoted, { maxTokens: 8, endBy: clock.now() + 400 + 300 });

    expect(context.decodes.slice(2).every(({ tokens }) => tokens.length === 1)).toBe(true);
  });

  it('are skipped on a model that cannot forget', async () => {
    const { sequence, context } = createSequences({ lookupTokens: 4, next: repeats, canForget: false });
    await generate(sequence, quoted, { maxTokens: 8 });

    expect(context.decodes.slice(2).every(({ tokens }) => tokens.length === 1)).toBe(true);
  });
});

describe('log-probabilities', () => {
  it.each([
    ['without guesses', 0],
    ['with guesses', 4],
  ])('come with each token, from the logits that it was chosen from: %s', async (_, lookupTokens) => {
    const next = (tokens: readonly Token[]) => (tokens.length < 160 ? 1 + (tokens.length % 4) : endToken);
    const { sequence, context } = createSequences({ lookupTokens, next });
    const { events, summary } = await generate(sequence, prompt, { maxTokens: 20, logprobs: 3 });
    const tokens = events.flatMap((event) => (event.type === 'text' ? event.tokens : []));

    expect(tokens).toHaveLength(summary.completionTokens);
    const text = [...prompt];
    for (const { token, score } of tokens) {
      expect(score).toEqual(context.scoreBehind(text, token, 3));
      text.push(token);
    }
  });
});
