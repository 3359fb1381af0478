// An engine without a model: a token is a character, and the answer is a fixed text.
import type { Engine, GenerationEvent, GenerationRequest } from '../../functions/shared/engine/engine.ts';

export class FakeEngine implements Engine {
  readonly contextSize = 64;
  /** What was asked of the engine, oldest first. */
  readonly requests: GenerationRequest[] = [];
  /** Generations that were begun and neither read to their end nor closed: each would keep its slot. */
  open = 0;
  readonly #answer: string;

  constructor(answer = ' Paris.') {
    this.#answer = answer;
  }

  tokenize(text: string): number[] {
    return [...text].map((character) => character.codePointAt(0) ?? 0);
  }

  async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
    this.requests.push(request);
    this.open += 1;
    try {
      yield* this.#answerTo(request);
    } finally {
      this.open -= 1;
    }
  }

  *#answerTo(request: GenerationRequest): Generator<GenerationEvent, void, void> {
    const characters = [...this.#answer].slice(0, request.maxTokens);
    for (const text of characters) yield { type: 'text', text };
    const summary = {
      finishReason: characters.length === request.maxTokens ? ('length' as const) : ('stop' as const),
      cachedTokens: 3,
      promptTokens: request.prompt.length - 3,
      promptMs: 20,
      completionTokens: characters.length,
      completionMs: 30,
    };
    yield { type: 'end', summary };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** An engine that breaks in a way no caller can know. */
export class BrokenEngine extends FakeEngine {
  // biome-ignore lint/correctness/useYield: it fails before the first token
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    throw new Error('secret: /var/task is on fire');
  }
}
