// Tokenizes prompts that begin alike. A long beginning is tokenized once, and not for each of them.
import type { Token } from '../../engine/engine.ts';
import { tokenizeBehind, tokenizeRendered } from '../chat/chat-prompt.ts';
import type { ModelService } from '../service.ts';

/**
 * A tokenizer looks at the characters around a place to decide whether a token ends there. So many characters behind the cut are
 * the same in all prompts.
 */
const overlap = 64;

/** A shorter beginning is tokenized as quickly as it is cut. */
const shortest = 4 * overlap;

interface Prompt {
  /** What follows the beginning. */
  readonly rest: string;
  readonly tokens: readonly Token[];
}

/** The beginning up to a cut. */
interface Cut {
  readonly characters: number;
  readonly tokens: readonly Token[];
}

export class PromptTokenizer {
  readonly #before: string;
  readonly #service: ModelService;
  #first: Prompt | undefined;
  #cut: Promise<Cut | undefined> | undefined;

  /** @param before - what all prompts begin with */
  constructor(before: string, service: ModelService) {
    this.#before = before;
    this.#service = service;
  }

  /**
   * Converts the prompt that goes on with a text. One call at a time.
   *
   * @throws {RequestError} `context_length_exceeded` when it has too many characters to fit the context
   */
  async tokenize(rest: string, param: string): Promise<Token[]> {
    if (this.#first !== undefined) {
      this.#cut ??= this.#findCut(this.#first, param);
      const cut = await this.#cut;
      if (cut !== undefined) return [...cut.tokens, ...(await this.#tokenizeBehind(cut, rest, param))];
    }
    const tokens = await tokenizeRendered(this.#before + rest, this.#service, param);
    this.#first ??= { rest, tokens };
    return tokens;
  }

  /** Returns undefined where the first prompt has no end of a token at the cut, or the beginning is short. */
  async #findCut(first: Prompt, param: string): Promise<Cut | undefined> {
    if (this.#before.length < shortest) return undefined;
    const text = this.#before.slice(0, -overlap);
    const blank = Math.max(text.lastIndexOf(' '), text.lastIndexOf('\n'));
    const characters = text.slice(0, Math.max(blank, 0)).trimEnd().length;
    if (characters === 0) return undefined;
    const tokens = await tokenizeRendered(text.slice(0, characters), this.#service, param);
    const behind = await this.#tokenizeBehind({ characters }, first.rest, param);
    const isSame =
      tokens.length + behind.length === first.tokens.length &&
      first.tokens.every((token, index) => token === (tokens[index] ?? behind[index - tokens.length]));
    return isSame ? { characters, tokens } : undefined;
  }

  #tokenizeBehind({ characters }: Pick<Cut, 'characters'>, rest: string, param: string): Promise<Token[]> {
    return tokenizeBehind(this.#before.slice(characters) + rest, this.#service, param);
  }
}
