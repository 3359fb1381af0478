// Turns tokens into text one by one. Several tokens may share a character (an emoji often takes three), so the end of the text is
// held back until its last character is whole. A partial character at the very end is dropped.
import type { Token } from '../engine.ts';

/** Turns tokens into text that follows the tokens `before`. A partial character becomes U+FFFD. */
export type Detokenize = (tokens: Token[], before: Token[]) => string;

/** How many tokens before are passed on: in some vocabularies they decide whether a text starts with a space. */
const tokensOfContext = 3;

/** After this many tokens, bytes that are no character become U+FFFD. */
const mostOpenTokens = 64;

export class TokenTextDecoder {
  readonly #detokenize: Detokenize;
  #before: Token[];
  #open: Token[] = [];
  /** How much of the open tokens' text was returned already, in UTF-16 code units. */
  #given = 0;

  /** @param before - the tokens of the prompt, or its last ones */
  constructor(detokenize: Detokenize, before: readonly Token[]) {
    this.#detokenize = detokenize;
    this.#before = before.slice(-tokensOfContext);
  }

  /** Adds the next token, and returns the text that is whole now, which may be empty. */
  push(token: Token): string {
    this.#open.push(token);
    const text = this.#detokenize(this.#open, this.#before);
    if (!text.endsWith('\uFFFD') || this.#open.length >= mostOpenTokens) return this.#close(text);
    const whole = text.slice(this.#given, -1);
    this.#given += whole.length;
    return whole;
  }

  #close(text: string): string {
    const rest = text.slice(this.#given);
    this.#before = [...this.#before, ...this.#open].slice(-tokensOfContext);
    this.#open = [];
    this.#given = 0;
    return rest;
  }
}
