// Keeps the texts of control tokens, such as `<|im_end|>`, what they are in a message: text. Only the template's become tokens.
import type { Engine } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import type { ChatMessage, ChatTool } from './conversation.ts';

/** A character that no text has (Unicode: for internal use). A prompt is tokenized in pieces around it. */
export const breakMark = '\uFDD0';

/** Breaks the texts of control tokens in what a request says. */
export class ControlMarks {
  readonly #engine: Pick<Engine, 'controlMarks' | 'contextSize'>;
  readonly #param: string;
  #found = 0;

  /** @param param - what the request calls the texts */
  constructor(engine: Pick<Engine, 'controlMarks' | 'contextSize'>, param: string) {
    this.#engine = engine;
    this.#param = param;
  }

  /**
   * Breaks those in a text by {@link breakMark}.
   *
   * @throws {RequestError} `context_length_exceeded` when all texts so far have more of them than the context has tokens
   */
  breakText(text: string): string {
    const { controlMarks, contextSize } = this.#engine;
    return text.replaceAll(breakMark, '').replace(controlMarks, () => {
      this.#found += 1;
      // Each needs a token at least. To break millions of them would take a second.
      if (this.#found <= contextSize) return breakMark;
      const message = `'${this.#param}' has the texts of more than ${contextSize} control tokens, and the context has ${contextSize} tokens, the server's CONTEXT_SIZE. Shorten it.`;
      throw new RequestError('context_length_exceeded', message, { param: this.#param });
    });
  }

  /** Breaks those in messages, as {@link breakText} does. */
  breakMessages(messages: readonly ChatMessage[]): ChatMessage[] {
    return messages.map(
      ({ role, ...rest }) => ({ role, ...(this.#breakValue(rest) as object) }) as ChatMessage,
    );
  }

  /** Breaks those in tools, as {@link breakText} does. */
  breakTools(tools: readonly ChatTool[]): ChatTool[] {
    return this.#breakValue(tools) as ChatTool[];
  }

  #breakValue(value: unknown): unknown {
    if (typeof value === 'string') return this.breakText(value);
    if (Array.isArray(value)) return value.map((each) => this.#breakValue(each));
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).map(([key, each]) => [this.breakText(key), this.#breakValue(each)]);
    return Object.fromEntries(entries) as unknown;
  }
}
