// Selects the log-probabilities of the text of an answer from those of all its tokens.
import type { TokenLogprobs } from './response-items.ts';

type TokenLogprob = TokenLogprobs[number];

type Bytes = readonly number[];

/**
 * Holds tokens until their text comes. It may come later than its tokens, and that of marks and of blanks around the answer never
 * comes.
 */
export class ContentLogprobs {
  #held: TokenLogprob[] = [];
  /** The bytes before the held tokens that belong to the first character of these. */
  #begun: Bytes = [];
  /** How much of the first held token's text has come, in UTF-16 units. */
  #taken = 0;
  /** The last token that was returned, which may have more text. */
  #returned: TokenLogprob | undefined;
  /** What the last text was. */
  #last: 'nothing' | 'content' | 'thoughts' = 'nothing';

  push(tokens: TokenLogprobs): void {
    for (const token of tokens) this.#held.push(token);
  }

  /** Returns the tokens of a text of the answer, each once. */
  take(text: string): TokenLogprobs {
    const tokens = this.#remove(text, this.#last !== 'thoughts').filter((token) => token !== this.#returned);
    this.#returned = tokens.at(-1) ?? this.#returned;
    this.#last = 'content';
    return tokens;
  }

  /** Drops the tokens of thoughts. */
  skip(thoughts: string): void {
    this.#remove(thoughts, this.#last === 'thoughts');
    this.#last = 'thoughts';
  }

  /** Drops all tokens, because their text comes in another form. */
  clear(): void {
    this.#begun = toText(this.#held, this.#begun).unfinished;
    this.#held = [];
    this.#taken = 0;
  }

  /** Finds a text, removes the tokens before its end, and returns those that have a part of it. */
  #remove(text: string, isContinued: boolean): TokenLogprob[] {
    const { spans, whole, unfinished } = toText(this.#held, this.#begun);
    const start = this.#find(whole, text, isContinued);
    const end = start + text.length;
    const overlapping = spans.filter((span) => span.start < end && span.end > start);
    const rest = spans.findIndex((span) => span.end > end);
    const first = spans[rest];
    this.#begun = first === undefined ? unfinished : first.begun;
    this.#held = first === undefined ? [] : this.#held.slice(rest);
    this.#taken = first === undefined ? 0 : Math.max(0, end - first.start);
    return overlapping.map(({ token }) => token);
  }

  #find(whole: string, text: string, isContinued: boolean): number {
    const rest = whole.slice(this.#taken);
    const dropped = isContinued ? ['', /^\s*/.exec(rest)?.[0]] : [/^.*[>\]]\s*/s.exec(rest)?.[0]];
    for (const before of dropped)
      if (before !== undefined && rest.startsWith(text, before.length)) return this.#taken + before.length;
    // Behind another mark, the text is usually the last that the tokens have.
    const place = rest.endsWith(text) ? rest.length - text.length : rest.indexOf(text);
    return this.#taken + Math.max(0, place);
  }
}

interface Span {
  readonly token: TokenLogprob;
  /** The bytes before the token that belong to its first character. */
  readonly begun: Bytes;
  readonly start: number;
  readonly end: number;
}

interface TokenText {
  readonly spans: readonly Span[];
  readonly whole: string;
  /** The bytes of a last character that has more of them. */
  readonly unfinished: Bytes;
}

/** Returns the text of tokens, and the part of it that each has. All tokens of a character have its text. */
function toText(tokens: TokenLogprobs, before: Bytes): TokenText {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let whole = decoder.decode(Uint8Array.from(before), { stream: true });
  let unfinished = before;
  const spans = tokens.map((token) => {
    const start = whole.length;
    const begun = unfinished;
    whole += decoder.decode(Uint8Array.from(token.bytes), { stream: true });
    unfinished = toUnfinished([...begun, ...token.bytes]);
    const isPart = token.bytes.length > 0 && unfinished.length > 0;
    return { token, begun, start, end: isPart ? whole.length + 1 : whole.length };
  });
  return { spans, whole: whole + decoder.decode(), unfinished };
}

/** Returns the last bytes if they are only the beginning of a character. */
function toUnfinished(bytes: Bytes): Bytes {
  const last = bytes.slice(bytes.findLastIndex((byte) => byte >= 0xc0));
  const decoder = new TextDecoder();
  decoder.decode(Uint8Array.from(last), { stream: true });
  return decoder.decode() === '' ? [] : last;
}
