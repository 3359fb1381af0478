// Text to tokens and back, with what a model's vocabulary says of them.
import type { Token } from '../engine.ts';
import type { AddonModel } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';

/** llama.cpp's number for a vocabulary of word pieces, such as BERT's (`LLAMA_VOCAB_TYPE_WPM`). */
const wordPieces = 3;

export class LlamaVocabulary {
  readonly #native: AddonModel;
  /** How many tokens there are. */
  readonly size: number;
  /** `tokenizer.ggml.model`. */
  readonly #tokenizer: string;
  readonly bos: Token | undefined;
  readonly eos: Token | undefined;
  readonly eot: Token | undefined;
  /** What stands between two texts. */
  readonly separator: Token | undefined;
  /** Whether texts begin with a token that says so. */
  readonly addsBosToken: boolean;
  readonly hasWordPieces: boolean;
  #endOfGeneration: readonly Token[] | undefined;

  constructor({ native, facts }: LlamaModel) {
    this.#native = native;
    this.size = facts.vocabularySize;
    this.#tokenizer = facts.tokenizer;
    this.bos = toToken(native.tokenBos());
    this.eos = toToken(native.tokenEos());
    this.eot = toToken(native.eotToken());
    this.separator = toToken(native.sepToken());
    this.addsBosToken = this.bos !== undefined && native.shouldPrependBosToken();
    this.hasWordPieces = native.getVocabularyType() === wordPieces;
  }

  /** Whether a text ends with this token. */
  isEndOfGeneration(token: Token): boolean {
    return token === this.eos || token === this.eot || this.#native.isEogToken(token);
  }

  /** The tokens that end a text, found once by asking for each. */
  get endOfGeneration(): readonly Token[] {
    this.#endOfGeneration ??= [...Array(this.size).keys()].filter((token) => this.isEndOfGeneration(token));
    return this.#endOfGeneration;
  }

  /** As {@link Engine.tokenize}. */
  tokenize(text: string): Token[] {
    const { bos } = this;
    const tokens = this.tokenizeText(text, { special: true });
    // A model cannot start from nothing, so an empty prompt is the beginning of a text.
    const startsWithBos =
      bos !== undefined && (this.addsBosToken || tokens.length === 0) && tokens[0] !== bos;
    return startsWithBos ? [bos, ...tokens] : tokens;
  }

  /** As {@link Engine.tokenizeText}. */
  tokenizeText(text: string, { special }: { special: boolean }): Token[] {
    // Of nothing, some vocabularies make a blank.
    return text === '' ? [] : [...this.#native.tokenize(text, special)];
  }

  /** As {@link Engine.toInfillPrompt}. */
  toInfillPrompt(before: string, after: string): Token[] | undefined {
    const prefix = toToken(this.#native.prefixToken());
    const suffix = toToken(this.#native.suffixToken());
    const middle = toToken(this.#native.middleToken());
    if (prefix === undefined || suffix === undefined || middle === undefined) return undefined;
    const asText = (text: string) => this.tokenizeText(text, { special: false });
    const infillTokens = [prefix, ...asText(before), suffix, ...asText(after), middle];
    return this.bos !== undefined && this.addsBosToken ? [this.bos, ...infillTokens] : infillTokens;
  }

  /** As {@link Engine.detokenize}. */
  detokenize(tokens: readonly Token[]): string {
    return this.#toText(tokens, { special: true });
  }

  /** The text of generated tokens, in which special tokens have none, given those before them. */
  readonly detokenizeGenerated = (tokens: readonly Token[], before: readonly Token[]): string =>
    this.#toTextAfter(before, tokens, { special: false });

  /** How a token that the model has is written, as chat templates want it. */
  toWritten(token: Token | undefined): string | undefined {
    return token === undefined ? undefined : this.#native.getTokenString(token);
  }

  /** As {@link Engine.toBytes}. */
  toBytes(token: Token): Uint8Array {
    // After another token, or a leading blank would be lost.
    const text = this.#toTextAfter([token], [token], { special: true });
    if (!text.includes('\uFFFD')) return Buffer.from(text);
    return this.#partialCharacter(token) ?? Buffer.from(text);
  }

  #toText(tokens: readonly Token[], { special }: { special: boolean }): string {
    return tokens.length === 0 ? '' : this.#native.detokenize(Uint32Array.from(tokens), special);
  }

  #toTextAfter(before: readonly Token[], tokens: readonly Token[], options: { special: boolean }): string {
    const textBefore = this.#toText(before, options);
    if (textBefore !== '') {
      const text = this.#toText([...before, ...tokens], options);
      if (text.startsWith(textBefore)) return text.slice(textBefore.length);
    }
    return this.#toText(tokens, options);
  }

  /** The bytes of a token that is no whole character, as the vocabulary writes them. */
  #partialCharacter(token: Token): Uint8Array | undefined {
    if (token < 0 || token >= this.size) return undefined;
    const written = this.#native.getTokenString(token);
    const byte = /^<0x([0-9A-F]{2})>$/.exec(written)?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    if (this.#tokenizer !== 'gpt2') return undefined;
    const bytes = [...written].map((character) => gpt2Bytes.get(character));
    return bytes.every((value) => value !== undefined) ? Uint8Array.from(bytes) : undefined;
  }
}

/** Of the native module, -1 is none. */
function toToken(token: number): Token | undefined {
  return token < 0 ? undefined : token;
}

/**
 * How byte-level vocabularies write bytes: visible Latin-1 characters as themselves, the others in order from U+0100 on.
 * https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */
const gpt2Bytes: ReadonlyMap<string, number> = (() => {
  const isVisible = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(isVisible(byte) ? byte : next++), byte]),
  );
})();
