// A prompt that is evaluated before it is asked for.
import { describe, expect, it } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import {
  createSequences,
  generate,
  generateCold,
  promptOf,
  type SequenceOptions,
} from './create-sequences.ts';

const first = promptOf(100);
const expected = [...first, ...promptOf(40, 1)];
const next = [...expected, ...promptOf(20, 2)];
const options: SequenceOptions = { rule: 'common' };
const going = () => new AbortController().signal;

describe('an expected prompt', () => {
  it('is evaluated behind what the sequence holds, and the next one goes on from it', async () => {
    const { sequence } = createSequences(options);
    await generate(sequence, first, { maxTokens: 0 });
    await sequence.anticipate({ prompt: expected }, going());
    const { summary, text } = await generate(sequence, next);

    expect(summary).toMatchObject({ cachedTokens: expected.length, promptTokens: 20 });
    expect(text).toBe(await generateCold(next));
  });

  it('is evaluated in short pieces, between which it ends when somebody asks', async () => {
    const { sequence, context } = createSequences({ ...options, decodeMs: (tokens) => tokens * 50 });
    await generate(sequence, first, { maxTokens: 0 });
    const before = context.decodes.length;
    const reason = new Error('somebody asks');
    const aborted = new AbortController();
    const anticipated = sequence.anticipate({ prompt: expected }, aborted.signal);
    aborted.abort(reason);

    await expect(anticipated).rejects.toBe(reason);
    expect(context.decodes.slice(before).map(({ tokens }) => tokens.length)).toEqual([16]);
    expect((await generate(sequence, next)).summary.cachedTokens).toBe(116);
  });

  it('ends with its time, which may have passed', async () => {
    const { sequence, clock, context } = createSequences(options);
    await generate(sequence, first, { maxTokens: 0 });
    const before = context.decodes.length;
    const late = { prompt: expected, endBy: clock.now() - 1 };
    await sequence.anticipate(late, going());

    expect(context.decodes).toHaveLength(before);
  });

  it('is kept where chats take turns, so that another one need not copy it', async () => {
    const conversations = new ConversationCache({ limitBytes: 1e6, isIndivisible: false });
    const { sequence } = createSequences({ ...options, conversations });
    await generate(sequence, first, { maxTokens: 0 });
    await sequence.anticipate({ prompt: expected }, going());
    expect(conversations.size).toBe(0);

    await generate(sequence, promptOf(30, 3), { maxTokens: 0 });
    const later = [...next, ...promptOf(20, 4)];
    await generate(sequence, next, { maxTokens: 0 });
    await sequence.anticipate({ prompt: later }, going());
    expect(conversations.has(later)).toBe(true);
  });

  it.each([
    ['that the sequence has no beginning of', { prompt: promptOf(50, 3) }, options],
    ['of another scope', { prompt: expected, cacheScope: 'other' }, options],
    ['that reuses nothing', { prompt: expected, cachePrompt: false }, options],
    ['by the exact rule', { prompt: expected, cachePrompt: 'exact' as const }, options],
    ['of a server with the exact rule', { prompt: expected }, {}],
    ['of a model that cannot go back', { prompt: expected }, { ...options, canForget: false }],
  ])('%s is left', async (_, request, sequenceOptions) => {
    const { sequence, context } = createSequences(sequenceOptions);
    await generate(sequence, first, { maxTokens: 0 });
    const before = context.decodes.length;
    await sequence.anticipate(request, going());

    expect(context.decodes).toHaveLength(before);
    expect(sequence.reusableTokens({ prompt: next })).toBeGreaterThanOrEqual(64);
  });
});
