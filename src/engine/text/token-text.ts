// Turns tokens into text as they come. A character may be spread over several tokens (an emoji is often
// three), so the end of the text is held back until its bytes are whole;
// half a character at the very end is never given out.
import type { Token } from '../engine.ts';

/** Turns tokens into text, given the tokens before them; the bytes of half a character become one U+FFFD. */
export type Detokenize = (tokens: Token[], before: Token[]) => string;

/** Some vocabularies decide a leading space by the tokens before. */
const tokensOfContext = 3;

/** Bytes that never become a character are given up after this many tokens. */
const mostOpenTokens = 64;

export class TokenTextDecoder {
  readonly #detokenize: Detokenize;
  #before: Token[];
  #open: Token[] = [];
  /** How much of the open tokens' text is given out already, in UTF-16 units. */
  #given = 0;

  /** `before` are the last tokens of the prompt. */
  constructor(detokenize: Detokenize, before: readonly Token[]) {
    this.#detokenize = detokenize;
    this.#before = before.slice(-tokensOfContext);
  }

  /** Takes the next token; returns the text that is whole now, which may be empty. */
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
