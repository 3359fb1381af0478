// An engine without a model: a token is a character, and the answer is a fixed text.
import type {
  Engine,
  GenerationRequest,
  GenerationSummary,
} from '../../../functions/shared/engine/engine.ts';

export class FakeEngine implements Engine {
  readonly contextSize = 64;
  /** What was asked of the engine, oldest first. */
  readonly requests: GenerationRequest[] = [];
  readonly #answer: string;

  constructor(answer = ' Paris.') {
    this.#answer = answer;
  }

  tokenize(text: string): number[] {
    return [...text].map((character) => character.codePointAt(0) ?? 0);
  }

  async *generate(request: GenerationRequest): AsyncGenerator<string, GenerationSummary, void> {
    this.requests.push(request);
    const characters = [...this.#answer].slice(0, request.maxTokens);
    yield* characters;
    return {
      finishReason: characters.length === request.maxTokens ? 'length' : 'stop',
      cachedTokens: 3,
      promptTokens: request.prompt.length - 3,
      promptMs: 20,
      completionTokens: characters.length,
      completionMs: 30,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** An engine that breaks in a way no caller can know. */
export class BrokenEngine extends FakeEngine {
  // biome-ignore lint/correctness/useYield: it fails before the first token
  override async *generate(): AsyncGenerator<string, GenerationSummary, void> {
    throw new Error('secret: /var/task is on fire');
  }
}
