// Parses the streamed text of a model into thoughts, content and tool calls.

import { JsonObjectScanner } from './json-object-scanner.ts';
import { callEnd, callStart } from './tool-syntax.ts';
import { WhitespaceBuffer } from './whitespace-buffer.ts';

/** An addition to the message. */
export type ChatPiece =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call'; readonly call: number; readonly name: string }
  | { readonly type: 'arguments'; readonly call: number; readonly text: string };

const thinkStart = '<think>';
const thinkEnd = '</think>';

/** The start of a call up to its arguments, as the grammar writes it. */
const callHead = /^\s*\{"name": "([\w.-]+)", "arguments": /;

/** The places of calls: none, after any content, or only instead of content. */
export type CallPlace = 'none' | 'anywhere' | 'insteadOfContent';

/** In the state `text` everything is content. In the state `content` a call may start. */
type State = 'start' | 'thinking' | 'opening' | 'content' | 'text' | 'call' | 'arguments' | 'callTail';

const firstStates = { none: 'text', anywhere: 'content', insteadOfContent: 'opening' } as const;

export interface ChatTextOptions {
  /** Whether the text may start with thoughts. */
  readonly thinks: boolean;
  /** Whether the prompt has already started the thoughts. */
  readonly startsThinking: boolean;
  readonly calls: CallPlace;
}

export class ChatText {
  readonly #afterThoughts: State;
  #state: State;
  /** Text that may be the start of a mark such as `<tool_call>`. */
  #pending = '';
  #calls = 0;
  #object = new JsonObjectScanner();
  readonly #reasoning = new WhitespaceBuffer({ trimStart: true, trimEnd: true });
  readonly #content: WhitespaceBuffer;

  constructor({ thinks, startsThinking, calls }: ChatTextOptions) {
    this.#afterThoughts = firstStates[calls];
    // White space between thoughts and content, and before a call, is dropped.
    this.#content = new WhitespaceBuffer({ trimStart: thinks, trimEnd: calls === 'anywhere' });
    if (startsThinking) this.#state = 'thinking';
    else this.#state = thinks ? 'start' : this.#afterThoughts;
  }

  /** Whether the text so far ends within thoughts. */
  get isThinking(): boolean {
    return this.#state === 'thinking';
  }

  /** Whether the text so far ends within a call. */
  get isCalling(): boolean {
    return this.#state === 'call' || this.#state === 'arguments' || this.#state === 'callTail';
  }

  /** Parses the next piece of text. */
  push(text: string): ChatPiece[] {
    this.#pending += text;
    const pieces: ChatPiece[] = [];
    while (this.#step(pieces));
    return pieces;
  }

  /** Returns the pending text at the end of the answer. */
  end(): ChatPiece[] {
    const rest = this.#pending;
    this.#pending = '';
    const pieces: ChatPiece[] = [];
    if (this.isThinking) addText('reasoning', this.#reasoning.push(rest), pieces);
    // After a call only another call may follow, so the rest is no content.
    else if (!this.isCalling && this.#calls === 0)
      addText('content', this.#content.push(rest) + this.#content.held, pieces);
    return pieces;
  }

  /** Parses as far as the text is unambiguous. Returns whether another step may parse more. */
  #step(pieces: ChatPiece[]): boolean {
    switch (this.#state) {
      case 'start':
        return this.#readMark(thinkStart, 'thinking', this.#afterThoughts);
      case 'thinking': {
        // When the start of a call triggers the grammar, it does so within thoughts too.
        const marks = this.#afterThoughts === 'content' ? [thinkEnd, callStart] : [thinkEnd];
        const { text, mark } = this.#readUntil(...marks);
        addText('reasoning', this.#reasoning.push(text), pieces);
        if (mark !== undefined) this.#state = mark === callStart ? 'call' : this.#afterThoughts;
        return mark !== undefined;
      }
      case 'opening':
        return this.#readMark(callStart, 'call', 'text');
      case 'content': {
        const { text, mark } = this.#readUntil(callStart);
        addText('content', this.#content.push(text), pieces);
        if (mark !== undefined) this.#state = 'call';
        return mark !== undefined;
      }
      case 'text':
        addText('content', this.#content.push(this.#pending), pieces);
        this.#pending = '';
        return false;
      case 'call': {
        const [head, name] = callHead.exec(this.#pending) ?? [];
        if (head === undefined || name === undefined) return false;
        pieces.push({ type: 'call', call: this.#calls, name });
        this.#calls += 1;
        this.#pending = this.#pending.slice(head.length);
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

  /**
   * Changes the state to `found` if the text starts with the mark, else to `otherwise`. Skips white space.
   */
  #readMark(mark: string, found: State, otherwise: State): boolean {
    const text = this.#pending.trimStart();
    if (text.startsWith(mark)) {
      this.#pending = text.slice(mark.length);
      this.#state = found;
      return true;
    }
    if (mark.startsWith(text)) return false;
    this.#state = otherwise;
    return true;
  }

  /** Reads the arguments of a call up to the end of their JSON object. Its strings may contain marks. */
  #readArguments(pieces: ChatPiece[]): boolean {
    const end = this.#object.findEnd(this.#pending);
    const text = this.#pending.slice(0, end);
    if (text !== '') pieces.push({ type: 'arguments', call: this.#calls - 1, text });
    this.#pending = this.#pending.slice(text.length);
    if (end === undefined) return false;
    this.#state = 'callTail';
    return true;
  }

  /** Reads up to the first mark and consumes the mark. Without one, keeps an ending that may start a mark. */
  #readUntil(...marks: readonly string[]): { text: string; mark: string | undefined } {
    const pending = this.#pending;
    const found = marks
      .map((mark) => ({ mark, at: pending.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at)[0];
    if (found !== undefined) {
      this.#pending = pending.slice(found.at + found.mark.length);
      return { text: pending.slice(0, found.at), mark: found.mark };
    }
    const mayStartMark = (length: number) =>
      marks.some((mark) => mark.startsWith(pending.slice(pending.length - length)));
    let kept = Math.min(Math.max(...marks.map(({ length }) => length)) - 1, pending.length);
    while (kept > 0 && !mayStartMark(kept)) kept--;
    this.#pending = pending.slice(pending.length - kept);
    return { text: pending.slice(0, pending.length - kept), mark: undefined };
  }
}

function addText(type: 'reasoning' | 'content', text: string, pieces: ChatPiece[]): void {
  if (text !== '') pieces.push({ type, text });
}
