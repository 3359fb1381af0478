// From tokens to the text that may be given out: whole characters, never a stop string, and with each piece the
// tokens that end in it.
import type { GeneratedToken, ScoredToken, Token } from '../engine.ts';
import { StopStringScanner } from './stop-strings.ts';
import { type Detokenize, TokenTextDecoder } from './token-text.ts';

/** Text that may be given out, and its tokens. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
}

export class GeneratedText {
  readonly #decoder: TokenTextDecoder;
  readonly #scanner: StopStringScanner;
  /** Tokens whose text is not given out yet, with where it ends. */
  #open: { readonly generated: GeneratedToken; readonly end: number }[] = [];
  /** All that was decoded, in UTF-16 units. */
  #decoded = 0;
  /** All that was given out. */
  #given = 0;

  /** `prompt` is what the first token follows. */
  constructor(detokenize: Detokenize, prompt: readonly Token[], stop: readonly string[]) {
    this.#decoder = new TokenTextDecoder(detokenize, prompt);
    this.#scanner = new StopStringScanner(stop);
  }

  /** Whether a stop string was found; nothing comes after it. */
  get stopped(): boolean {
    return this.#scanner.stopped;
  }

  /** Takes the next token and gives what may be given out now. */
  push(token: Token, score?: ScoredToken): TextPiece {
    const added = this.#decoder.push(token);
    const offset = this.#decoded;
    this.#decoded += added.length;
    this.#open.push({ generated: { token, offset, ...(score && { score }) }, end: this.#decoded });
    return this.#give(this.#scanner.push(added));
  }

  /** Takes the token that ends the generation, which has no text. */
  end(token: Token, score?: ScoredToken): void {
    const generated = { token, offset: this.#decoded, ...(score && { score }) };
    this.#open.push({ generated, end: this.#decoded });
  }

  /** Gives what was held back, once no more can come. */
  flush(): TextPiece {
    const { text, tokens } = this.#give(this.#scanner.flush());
    const rest = this.stopped ? [] : this.#open.splice(0);
    return { text, tokens: [...tokens, ...rest.map(({ generated }) => generated)] };
  }

  #give(text: string): TextPiece {
    this.#given += text.length;
    // Of the tokens that a stop string lies in, those that begin before it belong to the text. One that only begins
    // a character waits for the character.
    const isOpen = ({ generated, end }: { generated: GeneratedToken; end: number }) =>
      this.stopped || generated.offset === end ? generated.offset >= this.#given : end > this.#given;
    const firstOpen = this.#open.findIndex(isOpen);
    const out = this.#open.splice(0, firstOpen < 0 ? this.#open.length : firstOpen);
    return { text, tokens: out.map(({ generated }) => generated) };
  }
}
