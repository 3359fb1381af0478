// Parses the streamed text of a model into thoughts, content and tool calls.
import type { NativeParser, ParsedText } from '../engine/chat-library.ts';
import type { ThoughtMarks } from '../engine/engine.ts';

/** An addition to the message. */
export type ChatPiece =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call'; readonly call: number; readonly name: string }
  | { readonly type: 'arguments'; readonly call: number; readonly text: string };

export interface ChatReaderOptions {
  /** Absent: the whole text is content. */
  readonly parser: NativeParser | undefined;
  /** Absent: the model does not think. */
  readonly thoughts: ThoughtMarks | undefined;
  /** What the prompt has of the thoughts already, which the parser returns with them. Default: nothing. */
  readonly openedThoughts?: string;
  /** What the content starts with, if the model writes it, and what is not a part of it. Absent: nothing. */
  readonly contentStart?: string;
  /** Whether the text is the rest of an answer, so that white space at its start is content. Default: false. */
  readonly continues?: boolean;
  /** Whether the model may call tools. */
  readonly mayCall: boolean;
  /** What a call starts with. Absent: anything may be one. */
  readonly callMarks?: readonly RegExp[] | undefined;
  /** The first argument of each tool, whose name the parser leaves empty where a call has only its value. */
  readonly firstArguments?: ReadonlyMap<string, string>;
}

/** The parser starts anew each time, so a text is parsed again when it is longer by this part. */
const parsesOfText = 256;

export class ChatReader {
  readonly #options: ChatReaderOptions;
  #text = '';
  #parsedLength = 0;
  /** Whether there were calls when the text was parsed last. */
  #hasCalls = false;
  /** The longest content that was parsed. */
  #contentText = '';
  /** The content so far, of which white space at the end may not be given yet. */
  #content = '';
  /** The lengths of what was given. */
  readonly #given = { reasoning: 0, content: 0, calls: [] as number[] };
  #endsWithinCall = false;

  constructor(options: ChatReaderOptions) {
    this.#options = options;
  }

  /** Whether the text so far ends within thoughts. */
  get isThinking(): boolean {
    const { thoughts } = this.#options;
    if (thoughts === undefined || this.#contentText.trim() !== '') return false;
    const start = thoughts.hasStarted ? 0 : this.#text.indexOf(thoughts.start);
    return start >= 0 && !thoughts.ends.some((end) => this.#text.includes(end));
  }

  /** Whether the text ends within a call. Known at the end. */
  get isCalling(): boolean {
    return this.#endsWithinCall;
  }

  /** Parses the next piece of text. */
  push(text: string): ChatPiece[] {
    const { parser } = this.#options;
    if (parser === undefined) return text === '' ? [] : [{ type: 'content', text }];
    this.#text += text;
    if (this.#text.length - this.#parsedLength < this.#text.length / parsesOfText) return [];
    this.#parsedLength = this.#text.length;
    return this.#add(parse(parser, this.#text, true), true);
  }

  /** Parses the end of the answer. */
  end(): ChatPiece[] {
    const { parser } = this.#options;
    if (parser === undefined) return [];
    const whole = parse(parser, this.#text, false);
    const pieces = this.#add(whole, false);
    if (whole?.ending !== 'complete') pieces.push(...this.#addRest(whole?.ending));
    if (!this.#hasCalls && !this.#endsWithinCall) pieces.push(...this.#give('content', this.#content));
    return pieces;
  }

  #add(parsed: ParsedText | undefined, isPartial: boolean): ChatPiece[] {
    if (parsed === undefined) return [];
    this.#hasCalls = parsed.calls.length > 0;
    const contentText = this.#withFirstBlanks(parsed.content);
    if (contentText.length > this.#contentText.length) this.#contentText = contentText;
    const { openedThoughts = '' } = this.#options;
    const reasoning = parsed.reasoning.startsWith(openedThoughts)
      ? parsed.reasoning.slice(openedThoughts.length)
      : parsed.reasoning;
    const pieces = [
      ...this.#give('reasoning', reasoning.trim()),
      ...this.#addContent(this.#withoutStart(this.#contentText, isPartial)),
    ];
    const given = this.#given;
    for (const [call, { name, arguments: parsedText }] of parsed.calls.entries()) {
      if (name === '') continue;
      const first = JSON.stringify(this.#options.firstArguments?.get(name) ?? '');
      const text = parsedText.replace(/^\{"":/, () => `{${first}:`);
      if (given.calls[call] === undefined) pieces.push({ type: 'call', call, name });
      const length = given.calls[call] ?? 0;
      if (text.length > length) pieces.push({ type: 'arguments', call, text: text.slice(length) });
      given.calls[call] = Math.max(length, text.length);
    }
    return pieces;
  }

  /** Drops white space between thoughts and content, and holds back white space at the end, which a call may follow. */
  #addContent(text: string): ChatPiece[] {
    const { thoughts, continues, mayCall } = this.#options;
    this.#content = thoughts === undefined || continues ? text : text.trimStart();
    return this.#give('content', mayCall ? this.#content.trimEnd() : this.#content);
  }

  /** Returns what is new of a text. What was given already stays, even if the parser has come to read it differently. */
  #give(type: 'reasoning' | 'content', all: string): ChatPiece[] {
    const text = all.slice(this.#given[type]);
    this.#given[type] += text.length;
    return text === '' ? [] : [{ type, text }];
  }

  /** Restores the white space at the start of the rest of an answer, which most parsers skip. */
  #withFirstBlanks(content: string): string {
    if (!this.#options.continues) return content;
    const blanks = this.#text.length - this.#text.trimStart().length;
    return this.#text.slice(0, blanks) + content.trimStart();
  }

  /** Holds a partial text back as long as it may be the start of the content. */
  #withoutStart(text: string, isPartial: boolean): string {
    const { contentStart } = this.#options;
    if (contentStart === undefined) return text;
    const written = text.trimStart();
    if (written.startsWith(contentStart)) return written.slice(contentStart.length);
    return isPartial && contentStart.startsWith(written) ? '' : text;
  }

  /**
   * Adds what the parser left out at the end: the start of a mark, or all behind a place where the text leaves the format, as one
   * that only mentions the mark of a call does.
   *
   * @param ending absent: the parser has refused the text
   */
  #addRest(ending: ParsedText['ending'] | undefined): ChatPiece[] {
    if (this.#hasCalls) {
      this.#endsWithinCall = ending !== 'left';
      return [];
    }
    const { mayCall, callMarks } = this.#options;
    const { text, end } = this.#findThoughts();
    // The parser gives nothing more from the first piece on that leaves the format.
    const pieces = this.#give('reasoning', text.trim());
    if (this.isThinking) return pieces;
    const content = this.#contentText;
    const at = this.#text.indexOf(content, end);
    const rest = at < 0 ? '' : this.#text.slice(at + content.length);
    const call = rest.trimStart();
    const isCall = callMarks?.some((mark) => mark.test(call)) ?? call !== '';
    this.#endsWithinCall = ending === 'open' && mayCall && isCall;
    return this.#endsWithinCall ? pieces : [...pieces, ...this.#addContent(this.#content + rest)];
  }

  /** The thoughts that the text starts with, and where the content may start behind them. */
  #findThoughts(): { readonly text: string; readonly end: number } {
    const { thoughts, callMarks = [] } = this.#options;
    const none = { text: '', end: 0 };
    if (thoughts === undefined) return none;
    const start = thoughts.hasStarted ? 0 : this.#text.indexOf(thoughts.start) + thoughts.start.length;
    if (this.isThinking) return { text: this.#text.slice(start), end: 0 };
    if (!thoughts.hasStarted && !this.#text.trimStart().startsWith(thoughts.start)) return none;
    const [first] = thoughts.ends
      .map((end) => ({ end, at: this.#text.indexOf(end, start) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at);
    if (first === undefined) return none;
    // The mark of a call ends the thoughts of some models, and is no part of them.
    const isCall = callMarks.some((mark) => mark.test(first.end));
    return {
      text: this.#text.slice(start, first.at),
      end: isCall ? first.at : first.at + first.end.length,
    };
  }
}

function parse(parser: NativeParser, text: string, isPartial: boolean): ParsedText | undefined {
  const parsed = parser.parse(text, isPartial);
  return parsed === undefined ? undefined : (JSON.parse(parsed) as ParsedText);
}
