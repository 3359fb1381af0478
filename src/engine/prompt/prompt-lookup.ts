// Guesses how a text goes on by what followed its last tokens before: answers that quote their prompt, or repeat themselves,
// are then evaluated several tokens at a time. A guess costs time when it is wrong, so after wrong ones it pauses.
// https://github.com/apoorvumang/prompt-lookup-decoding
import type { Token } from '../engine.ts';

/** So many tokens must have stood in the same order before. */
const matched = 3;

/** Of what was guessed lately, so much must have been right. */
const leastRight = 0.5;

/** How much of a share the last guess counts for, in the running mean. */
const weight = 0.3;

/** Tokens to pass without a guess, when too few were right. */
const pauseTokens = 16;

export class PromptLookup {
  readonly #longest: number;
  readonly #text: Token[];
  /** Where what follows the latest occurrence of some tokens begins. */
  readonly #places = new Map<string, number>();
  #indexed = matched;
  #right = 1;
  #pause = 0;

  /** @param longest - the most tokens to guess at once; 0 never guesses */
  constructor(prompt: readonly Token[], longest: number) {
    this.#longest = longest;
    this.#text = longest > 0 ? [...prompt] : [];
  }

  /** Whether it ever guesses. */
  get guesses(): boolean {
    return this.#longest > 0;
  }

  /** Takes a token of the text. */
  push(token: Token): void {
    if (this.#longest === 0) return;
    this.#text.push(token);
    if (this.#pause > 0) this.#pause -= 1;
  }

  /** The tokens that may come next, and no more than `most`. */
  guess(most: number): readonly Token[] {
    if (this.#longest === 0 || this.#pause > 0) return [];
    for (; this.#indexed < this.#text.length; this.#indexed += 1) {
      this.#places.set(this.#keyBefore(this.#indexed), this.#indexed);
    }
    const place = this.#places.get(this.#keyBefore(this.#text.length));
    if (place === undefined) return [];
    return this.#text.slice(place, place + Math.min(most, this.#longest));
  }

  /** Learns how many tokens of a guess were right. */
  learn(right: number, guessed: number): void {
    if (guessed === 0) return;
    this.#right += weight * (right / guessed - this.#right);
    if (this.#right >= leastRight) return;
    this.#pause = pauseTokens;
    // The next guess decides again.
    this.#right = leastRight;
  }

  #keyBefore(end: number): string {
    return this.#text.slice(Math.max(0, end - matched), end).join();
  }
}
