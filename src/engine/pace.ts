// How long the engine's steps take, learnt from the last ones, to know which step would end too late.

import { smallChunk } from './prompt/prompt-chunks.ts';

/** Of what was slowest, so much is still believed after each later step: some 20 steps forget it. */
const memory = 0.9;

/** A step may take so much longer than the last ones: other generations join the batch, a CPU is shared. */
const margin = 1.5;

export class Pace {
  /** Milliseconds that a token took, evaluated in a prompt and generated. */
  #prompt = 0;
  #decode = 0;

  /** Takes how long a piece of a prompt took to evaluate. */
  prefilled(tokens: number, milliseconds: number): void {
    // A few tokens tell nothing of many: of their time the most is reading the weights.
    if (tokens < smallChunk) return;
    this.#prompt = Math.max(milliseconds / tokens, this.#prompt * memory);
  }

  /** Takes how long one token took to generate. */
  decoded(milliseconds: number): void {
    this.#decode = Math.max(milliseconds, this.#decode * memory);
  }

  /** Takes that a step was refused as too long. Were that not to count, one slow step would refuse all others for good. */
  refused(): void {
    this.#prompt *= memory;
    this.#decode *= memory;
  }

  /** Forgets what it has learnt. */
  reset(): void {
    this.#prompt = 0;
    this.#decode = 0;
  }

  /** How long so many tokens of a prompt will take at most, as far as is known: 0 before the first. */
  expectPrefill(tokens: number): number {
    // The weights are read for a few tokens as they are for one.
    return tokens === 0 ? 0 : Math.max(tokens * this.#prompt, this.#decode) * margin;
  }

  /** How many tokens of a prompt are evaluated in so many milliseconds at least, as far as is known: 0 before the first. */
  promptTokensWithin(milliseconds: number): number {
    return this.#prompt === 0 ? 0 : milliseconds / this.#prompt;
  }

  /** How long the next token will take at most, as far as is known: 0 before the first. */
  expectDecode(): number {
    return this.#decode * margin;
  }
}
