// Learns how long steps take, to predict which one would miss a deadline (docs/decisions/0007).
import { smallChunk } from '../prompt/prompt-chunks.ts';

/** Each later step reduces the slowest time to this share of it, so about 20 steps forget it. */
const memory = 0.9;

/** A step may take this many times as long as the last ones: other generations join the batch, and a CPU is shared. */
const margin = 1.5;

export class Pace {
  /** Milliseconds of one prompt token. */
  #prompt = 0;
  /** Milliseconds of one generated token. */
  #decode = 0;

  /** Records how long a piece of a prompt took. */
  prefilled(tokens: number, milliseconds: number): void {
    // Reading the weights dominates the time of a few tokens, so it says nothing about many tokens.
    if (tokens < smallChunk) return;
    this.#prompt = Math.max(milliseconds / tokens, this.#prompt * memory);
  }

  /** Records how long one generated token took. */
  decoded(milliseconds: number): void {
    this.#decode = Math.max(milliseconds, this.#decode * memory);
  }

  /** Records a refused step. Without this, one slow step would refuse all others for ever. */
  refused(): void {
    this.#prompt *= memory;
    this.#decode *= memory;
  }

  /** Forgets what it has learnt. */
  reset(): void {
    this.#prompt = 0;
    this.#decode = 0;
  }

  /** The most milliseconds that so many prompt tokens will probably take; 0 before the first piece. */
  expectPrefill(tokens: number): number {
    // Reading the weights takes as long for a few tokens as for one.
    return tokens === 0 ? 0 : Math.max(tokens * this.#prompt, this.#decode) * margin;
  }

  /** How many prompt tokens will probably be evaluated within so many milliseconds; 0 before the first piece. */
  promptTokensWithin(milliseconds: number): number {
    return this.#prompt === 0 ? 0 : milliseconds / this.#prompt;
  }

  /** The most milliseconds that the next generated token will probably take; 0 before the first one. */
  expectDecode(): number {
    return this.#decode * margin;
  }
}
