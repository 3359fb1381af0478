// Log-probabilities in the two formats of OpenAI's API: lists for completions and objects for chat.
import type { GeneratedToken, ScoredToken, Token } from '../engine/engine.ts';

/** Returns the bytes of a token. They may be a part of a character. */
export type ToBytes = (token: Token) => Uint8Array;

/** Four lists with an entry for each token. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  /**
   * `null` for the first token of an echoed prompt, and for the tokens that the deadline left unevaluated.
   */
  readonly token_logprobs: readonly (number | null)[];
  /** The log-probabilities of the likeliest tokens and of the token itself, by their texts. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** The start of each token in the choice's text, in Unicode code points. */
  readonly text_offset: readonly number[];
}

interface ChatTokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** A token of the text, with the likeliest ones in its place. */
export interface ChatTokenLogprobs extends ChatTokenLogprob {
  readonly top_logprobs: readonly ChatTokenLogprob[];
}

export interface ChatLogprobs {
  readonly content: readonly ChatTokenLogprobs[];
  readonly refusal: null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Remembers what each token becomes: the likeliest tokens of many places are often the same. */
export function rememberEach<Value>(convert: (token: Token) => Value): (token: Token) => Value {
  const known = new Map<Token, Value>();
  return (token) => {
    const value = known.get(token) ?? convert(token);
    known.set(token, value);
    return value;
  };
}

/** Returns a token's text. A part of a character becomes its bytes, as in OpenAI's API: `bytes:\xf0\x9f`. */
export function toTokenText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** Returns the bytes of the text of {@link toTokenText}. */
export function fromTokenText(text: string): Uint8Array {
  const [, escapes] = /^bytes:((?:\\x[0-9a-f]{2})+)$/.exec(text) ?? [];
  return escapes === undefined ? Buffer.from(text) : Buffer.from(escapes.replaceAll('\\x', ''), 'hex');
}

/**
 * Lists the log-probabilities of an echoed prompt. `scores` starts at the second token, and is shorter if the
 * deadline ended the evaluation.
 */
export function toPromptLogprobs(
  prompt: readonly Token[],
  scores: readonly ScoredToken[],
  text: string,
  toBytes: ToBytes,
): CompletionLogprobs {
  const offsets = new OffsetReader(text);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // The conversion to bytes replaces half a surrogate pair by U+FFFD.
  const wellFormed = text.toWellFormed();
  let position = 0;
  const textOffset = prompt.map((token) => {
    const offset = offsets.read(position);
    const piece = decoder.decode(toBytes(token), { stream: true });
    // Some vocabularies put a space before the first word.
    const written = wellFormed.startsWith(piece, position) ? piece : piece.replace(/^ /, '');
    // A token that is not in the text, such as the beginning-of-sequence token, has no length.
    if (wellFormed.startsWith(written, position)) position += written.length;
    return offset;
  });
  return toLists(prompt, [undefined, ...scores], textOffset, toBytes);
}

/** Lists the log-probabilities of one choice. Follows its text to find the start of each token. */
export class CompletionLogprobsWriter {
  readonly #toBytes: ToBytes;
  readonly #offsets: OffsetReader;
  readonly #prefixLength: number;

  /** `prefix` is the echoed prompt, or empty. */
  constructor(toBytes: ToBytes, prefix: string) {
    this.#toBytes = toBytes;
    this.#offsets = new OffsetReader(prefix);
    this.#prefixLength = prefix.length;
  }

  /** Lists the next tokens of the choice. `text` is the next piece of its text. */
  write(generated: readonly GeneratedToken[], text: string): CompletionLogprobs {
    this.#offsets.append(text);
    return toLists(
      generated.map(({ token }) => token),
      generated.map(({ score }) => score),
      generated.map(({ offset }) => this.#offsets.read(this.#prefixLength + offset)),
      this.#toBytes,
    );
  }
}

export function joinLogprobs(parts: readonly CompletionLogprobs[]): CompletionLogprobs {
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    token_logprobs: parts.flatMap(({ token_logprobs }) => token_logprobs),
    top_logprobs: parts.flatMap(({ top_logprobs }) => top_logprobs),
    text_offset: parts.flatMap(({ text_offset }) => text_offset),
  };
}

/** Lists the log-probabilities of tokens that have them. */
export function toChatLogprobs(generated: readonly GeneratedToken[], toBytes: ToBytes): ChatTokenLogprobs[] {
  const toEntry = ({ token, logprob }: { token: Token; logprob: number }): ChatTokenLogprob => {
    const bytes = toBytes(token);
    return { token: toTokenText(bytes), logprob, bytes: [...bytes] };
  };
  return generated.flatMap(({ score }) =>
    score === undefined ? [] : [{ ...toEntry(score), top_logprobs: score.top.map(toEntry) }],
  );
}

function toLists(
  tokens: readonly Token[],
  scores: readonly (ScoredToken | undefined)[],
  textOffset: readonly number[],
  toBytes: ToBytes,
): CompletionLogprobs {
  const toText = rememberEach((token) => toTokenText(toBytes(token)));
  return {
    tokens: tokens.map(toText),
    token_logprobs: tokens.map((_, index) => scores[index]?.logprob ?? null),
    top_logprobs: tokens.map((_, index) => {
      const score = scores[index];
      if (score === undefined) return null;
      // Likeliest last, so that it wins when two tokens have the same text.
      const entries = [score, ...[...score.top].reverse()];
      return Object.fromEntries(entries.map(({ token, logprob }) => [toText(token), logprob]));
    }),
    text_offset: textOffset,
  };
}

/** Converts increasing positions in a text from UTF-16 units to code points. */
class OffsetReader {
  #text: string;
  #position = 0;
  #codePoints = 0;

  constructor(text: string) {
    this.#text = text;
  }

  append(text: string): void {
    this.#text += text;
  }

  read(position: number): number {
    this.#codePoints += [...this.#text.slice(this.#position, position)].length;
    this.#position = Math.max(position, this.#position);
    return this.#codePoints;
  }
}
