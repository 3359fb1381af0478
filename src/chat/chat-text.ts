// Reads a model's text as it comes: thoughts, content, and calls of tools.

import { JsonObjectScanner } from './json-object-scanner.ts';
import { callEnd, callStart } from './tool-syntax.ts';
import { BlankHolder } from './whitespace-buffer.ts';

/** What a piece of text adds to the message. */
export type ChatPiece =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call'; readonly call: number; readonly name: string }
  | { readonly type: 'arguments'; readonly call: number; readonly text: string };

const thinkStart = '<think>';
const thinkEnd = '</think>';

/** Before the arguments of a call, as the grammar has it. */
const callHead = /^\s*\{"name": "([\w.-]+)", "arguments": /;

/** Where calls are looked for: nowhere, behind content as well, or only in the place of content. */
export type CallPlace = 'nowhere' | 'anywhere' | 'instead';

/** In the state of `text` everything is content, in that of `content` until a call begins. */
type State = 'start' | 'thinking' | 'opening' | 'content' | 'text' | 'call' | 'arguments' | 'callTail';

const firstStates = { nowhere: 'text', anywhere: 'content', instead: 'opening' } as const;

export interface ChatTextOptions {
  /** Whether the text may begin with thoughts. */
  readonly thinks: boolean;
  /** Whether the prompt ended within them. */
  readonly startsThinking: boolean;
  readonly calls: CallPlace;
}

export class ChatText {
  readonly #afterThoughts: State;
  #state: State;
  /** What may still become a mark. */
  #held = '';
  #calls = 0;
  #object = new JsonObjectScanner();
  readonly #reasoning = new BlankHolder({ start: true, end: true });
  readonly #content: BlankHolder;

  constructor({ thinks, startsThinking, calls }: ChatTextOptions) {
    this.#afterThoughts = firstStates[calls];
    // White space between thoughts and content, and before a call, is nobody's.
    this.#content = new BlankHolder({ start: thinks, end: calls === 'anywhere' });
    if (startsThinking) this.#state = 'thinking';
    else this.#state = thinks ? 'start' : this.#afterThoughts;
  }

  /** Whether the last of the text was of thoughts. */
  get isThinking(): boolean {
    return this.#state === 'thinking';
  }

  /** Whether a call has begun and not ended. */
  get isCalling(): boolean {
    return this.#state === 'call' || this.#state === 'arguments' || this.#state === 'callTail';
  }

  /** Takes the next piece of text. */
  push(text: string): ChatPiece[] {
    this.#held += text;
    const pieces: ChatPiece[] = [];
    while (this.#step(pieces));
    return pieces;
  }

  /** Gives what was held back, once no more can come. */
  end(): ChatPiece[] {
    const rest = this.#held;
    this.#held = '';
    const pieces: ChatPiece[] = [];
    if (this.isThinking) give('reasoning', this.#reasoning.push(rest), pieces);
    // Behind a call only another one could have begun.
    else if (!this.isCalling && this.#calls === 0)
      give('content', this.#content.push(rest) + this.#content.held, pieces);
    return pieces;
  }

  /** Reads on as far as it is clear what the text is; whether there may be more to read. */
  #step(pieces: ChatPiece[]): boolean {
    switch (this.#state) {
      case 'start':
        return this.#readMark(thinkStart, 'thinking', this.#afterThoughts);
      case 'thinking': {
        // Where content may turn into a call, thoughts may: from its mark on the grammar sees to it.
        const marks = this.#afterThoughts === 'content' ? [thinkEnd, callStart] : [thinkEnd];
        const { text, mark } = this.#readUntil(...marks);
        give('reasoning', this.#reasoning.push(text), pieces);
        if (mark !== undefined) this.#state = mark === callStart ? 'call' : this.#afterThoughts;
        return mark !== undefined;
      }
      case 'opening':
        return this.#readMark(callStart, 'call', 'text');
      case 'content': {
        const { text, mark } = this.#readUntil(callStart);
        give('content', this.#content.push(text), pieces);
        if (mark !== undefined) this.#state = 'call';
        return mark !== undefined;
      }
      case 'text':
        give('content', this.#content.push(this.#held), pieces);
        this.#held = '';
        return false;
      case 'call': {
        const [head, name] = callHead.exec(this.#held) ?? [];
        if (head === undefined || name === undefined) return false;
        pieces.push({ type: 'call', call: this.#calls, name });
        this.#calls += 1;
        this.#held = this.#held.slice(head.length);
        this.#object = new JsonObjectScanner();
        this.#state = 'arguments';
        return true;
      }
      case 'arguments':
        return this.#readArguments(pieces);
      case 'callTail': {
        const { mark } = this.#readUntil(callEnd);
        if (mark !== undefined) this.#state = this.#afterThoughts;
        return mark !== undefined;
      }
      default:
        throw this.#state satisfies never;
    }
  }

  /** Whether the text begins with a mark, blanks aside, decides what it is. */
  #readMark(mark: string, found: State, otherwise: State): boolean {
    const text = this.#held.trimStart();
    if (text.startsWith(mark)) {
      this.#held = text.slice(mark.length);
      this.#state = found;
      return true;
    }
    if (mark.startsWith(text)) return false;
    this.#state = otherwise;
    return true;
  }

  /** The arguments are a JSON object, in whose texts any mark may stand. */
  #readArguments(pieces: ChatPiece[]): boolean {
    const end = this.#object.findEnd(this.#held);
    const text = this.#held.slice(0, end);
    if (text !== '') pieces.push({ type: 'arguments', call: this.#calls - 1, text });
    this.#held = this.#held.slice(text.length);
    if (end === undefined) return false;
    this.#state = 'callTail';
    return true;
  }

  /** Takes the text before the first of the marks, and the mark; without one, what cannot become one. */
  #readUntil(...marks: readonly string[]): { text: string; mark: string | undefined } {
    const held = this.#held;
    const found = marks
      .map((mark) => ({ mark, at: held.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at)[0];
    if (found !== undefined) {
      this.#held = held.slice(found.at + found.mark.length);
      return { text: held.slice(0, found.at), mark: found.mark };
    }
    const isOpen = (length: number) =>
      marks.some((mark) => mark.startsWith(held.slice(held.length - length)));
    let open = Math.min(Math.max(...marks.map(({ length }) => length)) - 1, held.length);
    while (open > 0 && !isOpen(open)) open--;
    this.#held = held.slice(held.length - open);
    return { text: held.slice(0, held.length - open), mark: undefined };
  }
}

function give(type: 'reasoning' | 'content', text: string, pieces: ChatPiece[]): void {
  if (text !== '') pieces.push({ type, text });
}
