// Guesses the next tokens by what followed the last ones earlier in prompt and text. Text that quotes or repeats is then
// evaluated several tokens at a time. A wrong guess costs time, so guessing pauses after wrong ones.
// https://github.com/apoorvumang/prompt-lookup-decoding
import type { Token } from '../engine.ts';

/** How many of the last tokens must occur earlier in the same order. */
const matched = 3;

/** The share of guessed tokens that must have been right lately. */
const leastRight = 0.5;

/** The weight of the last guess in the running mean. */
const weight = 0.3;

/** How many tokens a pause lasts. */
const pauseTokens = 16;

export class PromptLookup {
  readonly #longest: number;
  readonly #text: Token[];
  /** For each run of matched tokens, the position behind its latest occurrence. */
  readonly #places = new Map<string, number>();
  #indexed = matched;
  #right = 1;
  #pause = 0;

  /** @param longest - the most tokens of a guess; with 0 it never guesses */
  constructor(prompt: readonly Token[], longest: number) {
    this.#longest = longest;
    this.#text = longest > 0 ? [...prompt] : [];
  }

  /** Adds tokens of the text. */
  push(tokens: readonly Token[]): void {
    if (this.#longest === 0) return;
    this.#text.push(...tokens);
    this.#pause = Math.max(0, this.#pause - tokens.length);
  }

  /** Makes the text so far known to {@link guess}, which does it otherwise: a prompt of 8,000 tokens takes milliseconds. */
  index(): void {
    for (; this.#indexed < this.#text.length; this.#indexed += 1) {
      this.#places.set(this.#keyBefore(this.#indexed), this.#indexed);
    }
  }

  /** The tokens that may come next, at most `most`. */
  guess(most: number): readonly Token[] {
    if (this.#longest === 0) return [];
    this.index();
    if (this.#pause > 0) return [];
    const place = this.#places.get(this.#keyBefore(this.#text.length));
    if (place === undefined) return [];
    return this.#text.slice(place, place + Math.min(most, this.#longest));
  }

  /** Records how many tokens of a guess were right, from its first on. */
  learn(right: number, guessed: number): void {
    if (guessed === 0) return;
    this.#right += weight * (right / guessed - this.#right);
    if (this.#right >= leastRight) return;
    this.#pause = pauseTokens;
    // The next guess after the pause decides again.
    this.#right = leastRight;
  }

  #keyBefore(end: number): string {
    return this.#text.slice(Math.max(0, end - matched), end).join();
  }
}
