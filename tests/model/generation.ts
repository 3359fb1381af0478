// The default model's engine, and generations on it, for the tests of this tier.
import type {
  Engine,
  GeneratedToken,
  GenerationRequest,
  GenerationSummary,
  Sampling,
  ScoredToken,
  Token,
} from '../../src/engine/engine.ts';
import {
  type LlamaEngine,
  type LlamaEngineOptions,
  loadLlamaEngine,
} from '../../src/engine/llama/llama-engine.ts';
import { modelPath } from './default-model.ts';

export const greedy: Sampling = {
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

export const contextSize = 1024;

interface EngineOptions
  extends Partial<
    Pick<
      LlamaEngineOptions,
      'slots' | 'lookupTokens' | 'threads' | 'rule' | 'conversationBytes' | 'archive' | 'anticipates'
    >
  > {}

/**
 * With one thread, unless told otherwise: two wait for each other, and on a busy machine for long. By the exact rule, unless
 * told otherwise: a text is then the same with and without a cache.
 */
export function loadEngine(options: EngineOptions = {}): Promise<LlamaEngine> {
  return loadLlamaEngine({
    modelPath,
    contextSize,
    threads: 1,
    slots: 1,
    queueLimit: 64,
    rule: 'exact',
    ...options,
  });
}

export interface Generated extends GenerationSummary {
  readonly pieces: string[];
  readonly text: string;
  readonly tokens: GeneratedToken[];
  readonly promptScores: readonly ScoredToken[];
}

/** Generates up to 24 tokens, greedily unless told otherwise. */
export async function generateOn(
  engine: Engine,
  prompt: string | readonly Token[],
  options: Partial<Omit<GenerationRequest, 'prompt' | 'sampling'>> & { sampling?: Partial<Sampling> } = {},
  signal?: AbortSignal,
): Promise<Generated> {
  const sampling = { ...greedy, ...options.sampling };
  const request = {
    prompt: typeof prompt === 'string' ? engine.tokenize(prompt) : prompt,
    maxTokens: 24,
    stop: [],
    ...options,
    sampling,
  };
  const pieces: string[] = [];
  const tokens: GeneratedToken[] = [];
  let promptScores: readonly ScoredToken[] = [];
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'end')
      return { ...event.summary, pieces, text: pieces.join(''), tokens, promptScores };
    if (event.type === 'prompt') promptScores = event.scores;
    else {
      if (event.text !== '') pieces.push(event.text);
      tokens.push(...event.tokens);
    }
  }
  throw new Error('It ended without a summary.');
}
