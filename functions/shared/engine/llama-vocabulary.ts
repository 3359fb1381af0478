// Text to tokens and back, with what a model's vocabulary says of them.
import type { LlamaModel, Token as LlamaToken } from 'node-llama-cpp';
import type { Token } from './engine.ts';

/** The library brands its token numbers; ours come from its own tokenizer or were checked at the edge. */
export function toLlama(tokens: readonly Token[]): LlamaToken[] {
  return tokens as LlamaToken[];
}

export class LlamaVocabulary {
  readonly #model: LlamaModel;
  #endOfGeneration: readonly Token[] | undefined;

  constructor(model: LlamaModel) {
    this.#model = model;
  }

  /** How many tokens there are. */
  get size(): number {
    return this.#model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  }

  /** Whether texts begin with a token that says so. */
  get addsBosToken(): boolean {
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    return bos !== null && shouldPrependBosToken;
  }

  /** The tokens that end a text, found once by asking for each. */
  get endOfGeneration(): readonly Token[] {
    this.#endOfGeneration ??= [...this.#model.iterateAllTokens()].filter((token) =>
      this.#model.isEogToken(token),
    );
    return this.#endOfGeneration;
  }

  /** As {@link Engine.tokenize}. */
  tokenize(text: string): Token[] {
    const { bos } = this.#model.tokens;
    const tokens: Token[] = this.tokenizeText(text, { special: true });
    // A model cannot start from nothing, so an empty prompt is the beginning of a text.
    const startsWithBos = bos !== null && (this.addsBosToken || tokens.length === 0) && tokens[0] !== bos;
    return startsWithBos ? [bos, ...tokens] : tokens;
  }

  /** As {@link Engine.tokenizeText}. */
  tokenizeText(text: string, { special }: { special: boolean }): Token[] {
    return this.#model.tokenize(text, special);
  }

  /** As {@link Engine.toInfillPrompt}. */
  toInfillPrompt(before: string, after: string): Token[] | undefined {
    const { bos, infill } = this.#model.tokens;
    const { prefix, suffix, middle } = infill;
    if (prefix === null || suffix === null || middle === null) return undefined;
    const asText = (text: string) => this.tokenizeText(text, { special: false });
    const infillTokens = [prefix, ...asText(before), suffix, ...asText(after), middle];
    return bos !== null && this.addsBosToken ? [bos, ...infillTokens] : infillTokens;
  }

  /** As {@link Engine.detokenize}. */
  detokenize(tokens: readonly Token[]): string {
    return this.#model.detokenize(toLlama(tokens), true);
  }

  /** The text of generated tokens, in which special tokens have none, given those before them. */
  readonly detokenizeGenerated = (tokens: readonly Token[], before: readonly Token[]): string =>
    this.#model.detokenize(toLlama(tokens), false, toLlama(before));

  /** As {@link Engine.toBytes}. */
  toBytes(token: Token): Uint8Array {
    // After another token, or a leading blank would be lost.
    const text = this.#model.detokenize(toLlama([token]), true, toLlama([token]));
    if (!text.includes('\uFFFD')) return Buffer.from(text);
    return this.#partialCharacter(token) ?? Buffer.from(text);
  }

  /** The bytes of a token that is no whole character, as the vocabulary writes them. */
  #partialCharacter(token: Token): Uint8Array | undefined {
    const { tokens, model } = this.#model.fileInfo.metadata.tokenizer.ggml;
    const written = tokens[token];
    if (written === undefined) return undefined;
    const byte = /^<0x([0-9A-F]{2})>$/.exec(written)?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    if (model !== 'gpt2') return undefined;
    const bytes = [...written].map((character) => gpt2Bytes.get(character));
    return bytes.every((value) => value !== undefined) ? Uint8Array.from(bytes) : undefined;
  }
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
