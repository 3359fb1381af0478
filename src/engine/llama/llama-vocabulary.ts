// A model's vocabulary: text to tokens and back, and the special tokens.
import type { AsideOptions, Token } from '../engine.ts';
import type { AddonModel, InferenceModule, NativeTokenPieces } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';

/** llama.cpp's `LLAMA_VOCAB_TYPE_WPM`: a vocabulary of word pieces, such as BERT's. */
const wordPieces = 3;

/** Fewer characters are tokenized within 20 ms, on the thread that asks. */
const longText = 8192;

/** A piece takes up to 0.1 ms, however short it is. */
const manyPieces = 128;

export class LlamaVocabulary {
  readonly #native: AddonModel;
  readonly #inference: Pick<InferenceModule, 'tokenize' | 'listControlTokens'>;
  readonly #pieces: NativeTokenPieces;
  #controlMarks: RegExp | undefined;
  /** The number of tokens. */
  readonly size: number;
  /** `tokenizer.ggml.model`. */
  readonly #tokenizer: string;
  readonly bos: Token | undefined;
  readonly eos: Token | undefined;
  readonly eot: Token | undefined;
  /** The token between two texts. */
  readonly separator: Token | undefined;
  /** Whether texts start with the beginning-of-sequence token. */
  readonly addsBosToken: boolean;
  readonly hasWordPieces: boolean;

  constructor({ native, inference, tokenPieces, facts }: LlamaModel) {
    this.#native = native;
    this.#inference = inference;
    this.#pieces = tokenPieces;
    this.size = facts.vocabularySize;
    this.#tokenizer = facts.tokenizer;
    this.bos = toToken(native.tokenBos());
    this.eos = toToken(native.tokenEos());
    this.eot = toToken(native.eotToken());
    this.separator = toToken(native.sepToken());
    this.addsBosToken = this.bos !== undefined && native.shouldPrependBosToken();
    this.hasWordPieces = native.getVocabularyType() === wordPieces;
  }

  /**
   * Whether this token ends a text. llama.cpp's set has the tokens for the end of a sequence and of a turn, but for those that have
   * another meaning in some families: gpt-oss ends its thoughts by `<|end|>`.
   */
  isEndOfGeneration(token: Token): boolean {
    return this.#native.isEogToken(token);
  }

  /** As {@link Engine.tokenize}. */
  tokenize(text: string): Token[] {
    return this.#asPrompt(this.tokenizeText(text, { special: true }));
  }

  /** As {@link Engine.tokenizeAside}. */
  async tokenizeAside(text: string, options: AsideOptions): Promise<Token[]> {
    const tokens = await this.#tokenizePieces(text, options);
    return options.isPrompt ? this.#asPrompt(tokens) : tokens;
  }

  async #tokenizePieces(text: string, { special, breakMark }: AsideOptions): Promise<Token[]> {
    if (text.length < longText) {
      const pieces = breakMark === undefined ? [text] : text.split(breakMark);
      if (pieces.length <= manyPieces)
        return pieces.flatMap((piece) => this.tokenizeText(piece, { special }));
    }
    return toNumbers(await this.#inference.tokenize(this.#pieces, text, special, breakMark ?? ''));
  }

  /** Resolves when no other thread reads the vocabulary. */
  async settled(): Promise<void> {
    await this.#inference.tokenize(this.#pieces, '', false, '');
  }

  /** A model cannot continue an empty prompt, so it gets the token that starts a text. */
  #asPrompt(tokens: Token[]): Token[] {
    const { bos } = this;
    const startsWithBos =
      bos !== undefined && (this.addsBosToken || tokens.length === 0) && tokens[0] !== bos;
    return startsWithBos ? [bos, ...tokens] : tokens;
  }

  /** As {@link Engine.tokenizeText}. */
  tokenizeText(text: string, { special }: { special: boolean }): Token[] {
    // Some vocabularies turn an empty text into a space.
    return text === '' ? [] : [...this.#native.tokenize(text, special)];
  }

  /** As {@link Engine.controlMarks}. */
  get controlMarks(): RegExp {
    this.#controlMarks ??= toMarkPattern(this.#inference.listControlTokens(this.#pieces));
    return this.#controlMarks;
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

  /** The text of generated tokens that follow `before`. Special tokens have no text, unless they are `visible`. */
  readonly detokenizeGenerated = (
    tokens: readonly Token[],
    before: readonly Token[],
    visible: ReadonlySet<Token>,
  ): string => {
    if (!tokens.some((token) => visible.has(token)))
      return this.#toTextAfter(before, tokens, { special: false });
    return tokens
      .map((token, index) =>
        this.#toTextAfter([...before, ...tokens.slice(0, index)], [token], { special: visible.has(token) }),
      )
      .join('');
  };

  /** The spelling of a token, as chat templates use it. */
  toWritten(token: Token | undefined): string | undefined {
    return token === undefined ? undefined : this.#native.getTokenString(token);
  }

  /** As {@link Engine.toBytes}. */
  toBytes(token: Token): Uint8Array {
    // Behind another token, because a text's leading space would be dropped.
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

  /** The bytes of a token that is a part of a character, decoded from its spelling. */
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

/** As {@link Engine.controlMarks}. A text of one character cannot be broken. */
export function toMarkPattern(texts: readonly string[]): RegExp {
  const written = texts.filter((text) => [...text].length > 1).map((text) => RegExp.escape(text));
  return new RegExp(written.length > 0 ? `(?<=(?=${written.join('|')})[^])` : '(?!)', 'gu');
}

/** Millions of tokens take 30 ms; the iterator would take 200. */
function toNumbers(tokens: Uint32Array): Token[] {
  const numbers = new Array<Token>(tokens.length);
  for (let index = 0; index < numbers.length; index++) numbers[index] = tokens[index] as Token;
  return numbers;
}

/** The native module returns -1 when there is no such token. */
function toToken(token: number): Token | undefined {
  return token < 0 ? undefined : token;
}

/**
 * The bytes by the characters that spell them in byte-level vocabularies: visible Latin-1 characters spell themselves, and the
 * characters from U+0100 on spell the other bytes, in order. https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */
const gpt2Bytes: ReadonlyMap<string, number> = (() => {
  const isVisible = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(isVisible(byte) ? byte : next++), byte]),
  );
})();
