// Log-probabilities in the two forms of OpenAI's API: the lists of completions and the objects of chat.
import type { GeneratedToken, ScoredToken, Token } from '../engine/engine.ts';

/** A token's own bytes, which need not be whole characters. */
export type ToBytes = (token: Token) => Uint8Array;

/** Four lists of one length, an entry for each token. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  /** `null` for the first token of an echoed prompt, which follows nothing, and for those there was no time for. */
  readonly token_logprobs: readonly (number | null)[];
  /** By the tokens' texts: the likeliest ones, and always the token itself. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token begins in the choice's text, in Unicode code points. */
  readonly text_offset: readonly number[];
}

interface ChatTokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

export interface ChatLogprobs {
  readonly content: readonly (ChatTokenLogprob & { readonly top_logprobs: readonly ChatTokenLogprob[] })[];
  readonly refusal: null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A token's text; of one that is no whole character its bytes, as OpenAI writes them: `bytes:\xf0\x9f`. */
export function toTokenText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** The tokens of an echoed prompt; `scores` are of all but the first, as far as there was time for them. */
export function toPromptLogprobs(
  prompt: readonly Token[],
  scores: readonly ScoredToken[],
  text: string,
  toBytes: ToBytes,
): CompletionLogprobs {
  const offsets = new OffsetReader(text);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // Half a surrogate pair has become U+FFFD when the text became bytes.
  const wellFormed = text.toWellFormed();
  let position = 0;
  const textOffset = prompt.map((token) => {
    const offset = offsets.read(position);
    const piece = decoder.decode(toBytes(token), { stream: true });
    // Some vocabularies put a blank before the first word.
    const written = wellFormed.startsWith(piece, position) ? piece : piece.replace(/^ /, '');
    // A token that the text does not have, such as the one that begins it, takes no place.
    if (wellFormed.startsWith(written, position)) position += written.length;
    return offset;
  });
  return toLists(prompt, [undefined, ...scores], textOffset, toBytes);
}

/** Follows one choice's text, to say where in it each token begins. */
export class CompletionLogprobsWriter {
  readonly #toBytes: ToBytes;
  readonly #offsets: OffsetReader;
  readonly #prefixLength: number;

  /** `prefix` is the echoed prompt before the generated text. */
  constructor(toBytes: ToBytes, prefix: string) {
    this.#toBytes = toBytes;
    this.#offsets = new OffsetReader(prefix);
    this.#prefixLength = prefix.length;
  }

  /** The next tokens of the choice, and the next piece of its text. */
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

export function toChatLogprobs(generated: readonly GeneratedToken[], toBytes: ToBytes): ChatLogprobs {
  const toEntry = ({ token, logprob }: { token: Token; logprob: number }): ChatTokenLogprob => {
    const bytes = toBytes(token);
    return { token: toTokenText(bytes), logprob, bytes: [...bytes] };
  };
  const content = generated.flatMap(({ score }) =>
    score === undefined ? [] : [{ ...toEntry(score), top_logprobs: score.top.map(toEntry) }],
  );
  return { content, refusal: null };
}

function toLists(
  tokens: readonly Token[],
  scores: readonly (ScoredToken | undefined)[],
  textOffset: readonly number[],
  toBytes: ToBytes,
): CompletionLogprobs {
  const toText = (token: Token) => toTokenText(toBytes(token));
  return {
    tokens: tokens.map(toText),
    token_logprobs: tokens.map((_, index) => scores[index]?.logprob ?? null),
    top_logprobs: tokens.map((_, index) => {
      const score = scores[index];
      if (score === undefined) return null;
      // The likeliest last: should two tokens have one text, the likelier counts.
      const entries = [score, ...[...score.top].reverse()];
      return Object.fromEntries(entries.map(({ token, logprob }) => [toText(token), logprob]));
    }),
    text_offset: textOffset,
  };
}

/** Counts a text's code points up to growing positions in UTF-16 units. */
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
