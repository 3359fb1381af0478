// Steps of one sequence that are asked for before the token of the last one is known: the native loop goes from one to
// the next by itself, and JavaScript does its part while a step runs (docs/decisions/0013).
import type { Token } from '../engine.ts';
import type { AddonTokenLoop } from './llama-addon.ts';
import { toEngineError } from './llama-grammar.ts';

export interface TokenLoopOptions {
  readonly native: AddonTokenLoop;
  /** The token that the first step evaluates. */
  readonly first: Token;
  /** Is told each token that the sequence has after a step. */
  readonly onEvaluated: (token: Token) => void;
  /** Is told that it is no longer known what the sequence has. */
  readonly onFailed: () => void;
}

export class TokenLoop {
  readonly #options: TokenLoopOptions;
  /** What the next step evaluates, once those before it have ended. */
  #next: Token;

  constructor(options: TokenLoopOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  /**
   * Asks for a step, behind those asked for before; there is none after a token that ends a text.
   *
   * @throws {GrammarError} when the grammar takes too much work, or admits no token
   * @throws {Error} when llama.cpp fails, and when the step is not taken
   */
  async step(): Promise<Token> {
    const { native, onEvaluated, onFailed } = this.#options;
    let chosen: Token;
    try {
      chosen = await native.step();
    } catch (error) {
      onFailed();
      throw toEngineError(error);
    }
    if (chosen < 0) throw new Error('The step was not taken.');
    onEvaluated(this.#next);
    this.#next = chosen;
    return chosen;
  }

  /** Ends the loop before the next step that has not begun. */
  stop(): void {
    this.#options.native.stop();
  }
}
