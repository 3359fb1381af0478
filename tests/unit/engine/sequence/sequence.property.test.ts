// Whatever happened on a sequence before, the next prompt gives the same text as on a fresh sequence.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type { GenerationEvent, GenerationRequest, Token } from '../../../../src/engine/engine.ts';
import type { Sequence } from '../../../../src/engine/sequence/sequence.ts';
import {
  createSequences,
  greedy,
  promptOf,
  type SequenceOptions,
  start,
  toRequest,
} from './create-sequences.ts';
import { endToken, type FakeContext, hash } from './fake-context.ts';

/** Chooses mostly by the last two tokens, so that guesses are often right, and sometimes by all tokens. */
function next(tokens: readonly Token[]): Token {
  const sum = hash(tokens);
  if (sum % 61 === 0) return endToken;
  return 1 + (hash(sum % 5 === 0 ? tokens : tokens.slice(-2)) % 12);
}

/** How a generation ends. */
type Fate =
  | { readonly type: 'completes' }
  /** In the decode with this number, if it has so many. */
  | { readonly type: 'aborted' | 'failed'; readonly decode: number }
  /** The iteration ends after so many events. */
  | { readonly type: 'left'; readonly events: number };

interface Generation {
  readonly request: GenerationRequest;
  readonly fate: Fate;
}

const fates: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'completes' as const }) },
  fc.record({ type: fc.constantFrom('aborted' as const, 'failed' as const), decode: fc.nat(12) }),
  fc.record({ type: fc.constant('left' as const), events: fc.nat(8) }),
);

const prompts = fc
  .record({
    seed: fc.nat(2),
    length: fc.oneof(fc.integer({ min: 1, max: 220 }), fc.constantFrom(32, 63, 64, 128)),
    ownEnd: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }),
  })
  .map(({ seed, length, ownEnd }) => [...promptOf(length, seed), ...ownEnd]);

const requests = fc.record({
  prompt: prompts,
  maxTokens: fc.integer({ min: 0, max: 20 }),
  temperature: fc.constantFrom(0, 1),
  stop: fc.constantFrom([], ['ab'], ['c']),
  cachePrompt: fc.oneof(
    { weight: 5, arbitrary: fc.constant(true) },
    fc.constant(false),
    fc.constant('exact' as const),
  ),
  promptLogprobs: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  logprobs: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, fc.constant(1)),
});

const generations: fc.Arbitrary<Generation> = fc
  .record({ request: requests, fate: fates })
  .map(({ request: { prompt, temperature, logprobs, ...options }, fate }) => {
    const sampling = { ...greedy, temperature, seed: 3 };
    const scored = logprobs === undefined ? {} : { logprobs };
    return { request: toRequest(prompt, { ...options, ...scored, sampling }), fate };
  });

const histories = fc.record({
  /** One list of generations for each sequence. */
  lists: fc.oneof(
    fc.tuple(fc.array(generations, { minLength: 2, maxLength: 8 })),
    fc.tuple(
      fc.array(generations, { minLength: 2, maxLength: 5 }),
      fc.array(generations, { minLength: 2, maxLength: 5 }),
    ),
  ),
  hasLoop: fc.boolean(),
  lookupTokens: fc.constantFrom(0, 3),
  rule: fc.constantFrom('common' as const, 'exact' as const),
  /** Room for no conversation, for about two, and for many. A token takes 8 bytes, and 12 of a head. */
  conversationBytes: fc.constantFrom(0, 6_000, 1_000_000),
  /** Models that go back, only go on, or slide a window over the text. */
  memory: fc.oneof(
    { weight: 3, arbitrary: fc.constant({ canForget: true }) },
    fc.constant({ canForget: false }),
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 100 }).map((window) => ({ window })) },
  ),
  longestDecode: fc.constantFrom(64, 128, 512),
});

/** As llama.cpp has as many cells as a window and a decode have tokens. */
function toMemory(
  memory: { readonly canForget: boolean } | { readonly window: number },
  longestDecode: number,
): Pick<SequenceOptions, 'canForget' | 'windowRing'> {
  if ('canForget' in memory) return memory;
  return { windowRing: { window: memory.window, cells: memory.window + longestDecode } };
}

/** The part of a generation that the cache may not change: no times, no cached tokens. */
interface Outcome {
  readonly text: string;
  readonly tokens: readonly unknown[];
  readonly promptScores: readonly unknown[];
  readonly finishReason: string;
  readonly completionTokens: number;
  readonly promptTokens: number;
}

function toOutcome(events: readonly GenerationEvent[]): Outcome {
  const last = events.at(-1);
  if (last?.type !== 'end') throw new Error('It ended without a summary.');
  const { finishReason, completionTokens, cachedTokens, promptTokens } = last.summary;
  return {
    text: events.map((event) => (event.type === 'text' ? event.text : '')).join(''),
    tokens: events.flatMap((event) => (event.type === 'text' ? event.tokens : [])),
    promptScores: events.flatMap((event) => (event.type === 'prompt' ? event.scores : [])),
    finishReason,
    completionTokens,
    promptTokens: cachedTokens + promptTokens,
  };
}

/** Runs a generation to its end. Undefined unless it completes. */
async function live(
  context: FakeContext,
  sequences: readonly Sequence<string>[],
  number: number,
  { request, fate }: Generation,
): Promise<Outcome | undefined> {
  const sequence = sequences[number];
  if (sequence === undefined) throw new Error('There is no such sequence.');
  const abort = new AbortController();
  const begun = context.decodes.filter((decode) => decode.sequence === number).length;
  const others = context.onDecode;
  context.onDecode = (decode) => {
    if (decode.sequence !== number) return others(decode);
    const own = context.decodes.filter((each) => each.sequence === number).length - 1 - begun;
    if (fate.type === 'aborted' && own === fate.decode) abort.abort(new Error('aborted'));
    if (fate.type === 'failed' && own === fate.decode) throw new Error('failed');
  };
  const events: GenerationEvent[] = [];
  try {
    for await (const event of start(sequence, request, abort.signal)) {
      events.push(event);
      if (fate.type === 'left' && events.length > fate.events) return undefined;
    }
    return toOutcome(events);
  } catch (error) {
    expect(`${error}`).toBe(`Error: ${fate.type}`);
    return undefined;
  }
}

describe('a sequence with a history of texts, aborts and failures', () => {
  it('generates what a fresh one generates', async () => {
    let completed = 0;
    await fc.assert(
      fc.asyncProperty(histories, async ({ lists, conversationBytes, memory, ...options }) => {
        const shared = { next };
        const conversations = new ConversationCache({
          limitBytes: conversationBytes,
          isIndivisible: !('canForget' in memory && memory.canForget),
        });
        const kind = toMemory(memory, options.longestDecode);
        const sequenceOptions = { ...options, ...kind, ...shared, conversations, sequences: lists.length };
        const { context, sequences } = createSequences(sequenceOptions);
        await Promise.all(
          lists.map(async (list, number) => {
            for (const generation of list) {
              const outcome = await live(context, sequences, number, generation);
              if (outcome === undefined) continue;
              const fresh = createSequences(shared);
              const expected = await live(fresh.context, fresh.sequences, 0, {
                request: generation.request,
                fate: { type: 'completes' },
              });
              completed += 1;
              expect(outcome).toEqual(expected);
            }
          }),
        );
        expect(conversations.bytes).toBeLessThanOrEqual(conversationBytes);
        expect([context.violations, context.busy]).toEqual([[], 0]);
      }),
      { numRuns: 100 },
    );

    expect(completed).toBeGreaterThan(100);
  });
});
