// How many tokens the generations of a request use, event by event, so that one that is broken off has been counted.
import type { GenerationEvent, GenerationRequest, Token } from '../engine/engine.ts';

export class UsedTokens {
  readonly #requests: readonly Pick<GenerationRequest, 'prompt'>[];
  /** Choices share a prompt, which counts once. */
  readonly #countedPrompts = new Set<readonly Token[]>();
  /** Generated tokens by generation. */
  readonly #generated: number[];

  constructor(requests: readonly Pick<GenerationRequest, 'prompt'>[]) {
    this.#requests = requests;
    this.#generated = requests.map(() => 0);
  }

  /** Returns how many tokens a generation has used since its last event, and its prompt's if they have not been counted. */
  by(index: number, event: GenerationEvent): number {
    return this.takePrompt(index) + this.#takeGenerated(index, event);
  }

  /** Returns how many tokens the prompt of a generation has, once. It may be evaluated though there was no event. */
  takePrompt(index: number): number {
    const prompt = this.#requests[index]?.prompt ?? [];
    if (this.#countedPrompts.has(prompt)) return 0;
    this.#countedPrompts.add(prompt);
    return prompt.length;
  }

  #takeGenerated(index: number, event: GenerationEvent): number {
    const before = this.#generated[index] ?? 0;
    const now = toGenerated(event, before);
    this.#generated[index] = now;
    return now - before;
  }
}

/** Tokens that have no text of their own, such as the one that ends it, are counted at the end. */
function toGenerated(event: GenerationEvent, before: number): number {
  switch (event.type) {
    case 'prompt':
      return before;
    case 'text':
      return before + event.tokens.length;
    case 'end':
      return event.summary.completionTokens;
    default:
      return event satisfies never;
  }
}
