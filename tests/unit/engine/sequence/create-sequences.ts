// Sequences on a fake context, and generations on them.
import { afterEach, expect } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type {
  CacheRule,
  GenerationEvent,
  GenerationRequest,
  GenerationSummary,
  Token,
} from '../../../../src/engine/engine.ts';
import type { AttentionTiles } from '../../../../src/engine/prompt/attention-tiles.ts';
import { PrefixSnapshots } from '../../../../src/engine/prompt/prefix-snapshots.ts';
import { Pace } from '../../../../src/engine/sequence/pace.ts';
import { PromptSharing } from '../../../../src/engine/sequence/prompt-sharing.ts';
import { Sequence } from '../../../../src/engine/sequence/sequence.ts';
import { FakeClock } from './fake-clock.ts';
import { endToken, FakeContext, type FakeContextOptions } from './fake-context.ts';
import { FakeSequence, type FakeSequenceOptions } from './fake-sequence.ts';

export interface SequenceOptions extends Omit<FakeContextOptions, 'clock'>, FakeSequenceOptions {
  readonly snapshots?: PrefixSnapshots;
  /** Default: exact, by which a text is the one of a fresh sequence. */
  readonly rule?: CacheRule;
  /** Default: none are kept. */
  readonly conversations?: ConversationCache;
  readonly lookupTokens?: number;
  /** Default: none. */
  readonly tiles?: AttentionTiles;
}

export interface FakeSequences {
  readonly context: FakeContext;
  readonly clock: FakeClock;
  readonly pace: Pace;
  /** The first of them. */
  readonly sequence: Sequence<string>;
  readonly sequences: readonly Sequence<string>[];
}

/** Token 1 is `a`; the token that ends a text has no text. */
const vocabulary = {
  isEndOfGeneration: (token: Token) => token === endToken,
  detokenizeGenerated: (tokens: readonly Token[]) =>
    tokens.map((token) => (token === endToken ? '' : String.fromCodePoint(96 + token))).join(''),
};

const contexts: FakeContext[] = [];

afterEach(() => {
  for (const { violations, busy, samplers } of contexts.splice(0))
    expect({ violations, busy, samplers }).toEqual({ violations: [], busy: 0, samplers: 0 });
});

/** Creates a context. Its violations, unfinished calls and open samplers fail the test. */
export function createContext(options: Partial<FakeContextOptions> = {}): FakeContext {
  const context = new FakeContext({ clock: new FakeClock(), ...options });
  contexts.push(context);
  return context;
}

export function createSequences(options: SequenceOptions = {}): FakeSequences {
  const { snapshots = PrefixSnapshots.none(), lookupTokens = 0, rule = 'exact' } = options;
  const { conversations = new ConversationCache({ limitBytes: 0, isIndivisible: false }) } = options;
  const context = createContext(options);
  const { clock } = context;
  const pace = new Pace();
  const sharing = new PromptSharing(conversations);
  const sequences = Array.from({ length: context.sequences }, (_, number) => {
    const native = new FakeSequence(context, number, options);
    const { tiles } = options;
    const shared = { snapshots, conversations, sharing, rule, pace, clock, lookupTokens, tiles };
    return new Sequence({ native, vocabulary, ...shared });
  });
  const [sequence] = sequences;
  if (sequence === undefined) throw new Error('A context has at least one sequence.');
  return { context, clock, pace, sequence, sequences };
}

export const greedy = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repeatPenalty: 1,
  repeatLastTokens: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  ignoreEndOfGeneration: false,
  seed: 0,
};

export function toRequest(
  prompt: readonly Token[],
  options: Partial<GenerationRequest> = {},
): GenerationRequest {
  return { prompt, maxTokens: 8, sampling: greedy, stop: [], ...options };
}

/** Starts a generation. */
export function start(
  sequence: Sequence<string>,
  request: GenerationRequest,
  signal?: AbortSignal,
): AsyncGenerator<GenerationEvent, void, void> {
  return sequence.generate(request, { grammar: undefined, signal, waitMs: 0 });
}

export interface FakeGeneration {
  readonly events: readonly GenerationEvent[];
  readonly text: string;
  readonly summary: GenerationSummary;
}

/** Generates up to 8 tokens greedily by default. */
export async function generate(
  sequence: Sequence<string>,
  prompt: readonly Token[],
  options: Partial<GenerationRequest> = {},
  signal?: AbortSignal,
): Promise<FakeGeneration> {
  const events: GenerationEvent[] = [];
  for await (const event of start(sequence, toRequest(prompt, options), signal)) events.push(event);
  const last = events.at(-1);
  if (last?.type !== 'end') throw new Error('It ended without a summary.');
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  return { events, text, summary: last.summary };
}

/** The text that a fresh sequence generates. */
export async function generateCold(
  prompt: readonly Token[],
  options: Partial<GenerationRequest> = {},
  sequenceOptions: SequenceOptions = {},
): Promise<string> {
  return (await generate(createSequences(sequenceOptions).sequence, prompt, options)).text;
}

/** The tokens of letters from a to z. */
export function toTokens(text: string): Token[] {
  return [...text].map((letter) => (letter.codePointAt(0) ?? 96) - 96);
}

/** Tokens that differ from the first on between two seeds. */
export function promptOf(length: number, seed = 0): Token[] {
  return Array.from({ length }, (_, index) => 1 + ((index * 7 + seed * 3 + ((index * index) >> 3)) % 26));
}
