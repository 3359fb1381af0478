// Turns generated tokens into pieces of text. A piece has whole characters and no part of a stop string, and comes with the
// tokens whose text ends in it.
import type { GeneratedToken, ScoredToken, Token } from '../engine.ts';
import { StopStringScanner } from './stop-strings.ts';
import { type Detokenize, TokenTextDecoder } from './token-text.ts';

/** A piece of text and the tokens that end in it. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
}

export class GeneratedText {
  readonly #decoder: TokenTextDecoder;
  readonly #scanner: StopStringScanner;
  /** Tokens that no piece has had yet, with the end of their text. */
  #open: { readonly generated: GeneratedToken; readonly end: number }[] = [];
  /** The length of all decoded text, in UTF-16 code units. */
  #decoded = 0;
  /** The length of all pieces so far. */
  #given = 0;
  /** How many more tokens are not searched for stop strings. */
  #unscanned: number;

  /**
   * @param prompt - the tokens before the first generated one
   * @param minTokens - no stop string ends the text within so many tokens
   */
  constructor(detokenize: Detokenize, prompt: readonly Token[], stop: readonly string[], minTokens = 0) {
    this.#decoder = new TokenTextDecoder(detokenize, prompt);
    this.#scanner = new StopStringScanner(stop);
    this.#unscanned = minTokens;
  }

  /** Whether a stop string was found. It ends the text. */
  get stopped(): boolean {
    return this.stopString !== undefined;
  }

  /** The stop string that was found. */
  get stopString(): string | undefined {
    return this.#scanner.found;
  }

  /** Adds the next token, and returns the text that is final now. */
  push(token: Token, score?: ScoredToken): TextPiece {
    const added = this.#decoder.push(token);
    const offset = this.#decoded;
    this.#decoded += added.length;
    this.#open.push({ generated: { token, offset, ...(score && { score }) }, end: this.#decoded });
    if (this.#unscanned === 0) return this.#give(this.#scanner.push(added));
    this.#unscanned -= 1;
    return this.#give(added);
  }

  /** Adds the token that ends the generation, which has no text. */
  end(token: Token, score?: ScoredToken): void {
    const generated = { token, offset: this.#decoded, ...(score && { score }) };
    this.#open.push({ generated, end: this.#decoded });
  }

  /** Returns the rest of the text when no token follows. */
  flush(): TextPiece {
    const { text, tokens } = this.#give(this.#scanner.flush());
    const rest = this.stopped ? [] : this.#open.splice(0);
    return { text, tokens: [...tokens, ...rest.map(({ generated }) => generated)] };
  }

  #give(text: string): TextPiece {
    this.#given += text.length;
    // A token that starts before the stop string belongs to the text, though it ends in the stop string. A token that only
    // starts a character waits for the whole character.
    const isOpen = ({ generated, end }: { generated: GeneratedToken; end: number }) =>
      this.stopped || generated.offset === end ? generated.offset >= this.#given : end > this.#given;
    const firstOpen = this.#open.findIndex(isOpen);
    const out = this.#open.splice(0, firstOpen < 0 ? this.#open.length : firstOpen);
    return { text, tokens: out.map(({ generated }) => generated) };
  }
}
