// Guesses the next tokens by what followed the last ones earlier in prompt and text. Text that quotes or repeats is then
// evaluated several tokens at a time. A wrong guess costs time, so guesses begin short, and pause after wrong ones: longer each
// time, until one is right.
// https://github.com/apoorvumang/prompt-lookup-decoding
import type { Token } from '../engine.ts';

/** How many of the last tokens must occur earlier in the same order. */
const matched = 3;

/** The share of guessed tokens that must have been right lately. */
const leastRight = 0.5;

/** The weight of the last guess in the running mean. */
const weight = 0.3;

/** The mean of a text that has shown nothing yet: one wrong guess brings it below the least. */
const rightAtFirst = 0.6;

/** Tokens of the first guess, and of the first one after a pause. Each guess that is wholly right doubles the next one. */
const firstGuess = 2;

/** How many tokens a pause lasts: twice as many after each one that only led to wrong guesses. */
const shortestPause = 16;
const longestPause = 256;

export class PromptLookup {
  readonly #longest: number;
  readonly #text: Token[];
  /** For each run of matched tokens, the position behind its latest occurrence. */
  readonly #places = new Map<string, number>();
  #indexed = matched;
  #right = rightAtFirst;
  /** The most tokens of the next guess. */
  #most: number = firstGuess;
  /** How many tokens the current pause still lasts. */
  #pause = 0;
  #nextPause = shortestPause;

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
    return this.#text.slice(place, place + Math.min(most, this.#most, this.#longest));
  }

  /** Records how many tokens of a guess were right, from its first on. */
  learn(right: number, guessed: number): void {
    if (guessed === 0) return;
    this.#right += weight * (right / guessed - this.#right);
    if (right === guessed) {
      this.#most = Math.min(2 * this.#most, this.#longest);
      this.#nextPause = shortestPause;
    }
    if (this.#right >= leastRight) return;
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(2 * this.#nextPause, longestPause);
    // The next guess after the pause decides again.
    this.#right = leastRight;
    this.#most = firstGuess;
  }

  #keyBefore(end: number): string {
    return this.#text.slice(Math.max(0, end - matched), end).join();
  }
}
