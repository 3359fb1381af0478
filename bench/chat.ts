// A chat with a server, over streams of /v1/chat/completions. Each turn sends back what was answered.
import { type StreamedCompletion, toStreamedCompletion } from './completions.ts';
import { post } from './http-client.ts';
import { completionsPath, type Server } from './subjects/server-process.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatOptions {
  /** Name of the model. */
  readonly model: string;
  /** Tokens of each answer: the model may not end its text earlier. */
  readonly answerTokens: number;
}

export class Chat {
  readonly #url: string;
  readonly #options: ChatOptions;
  readonly #messages: ChatMessage[];

  /** Goes on after `messages`. */
  constructor({ url }: Pick<Server, 'url'>, options: ChatOptions, messages: readonly ChatMessage[] = []) {
    this.#url = url.replace(completionsPath, '/v1/chat/completions');
    this.#options = options;
    this.#messages = [...messages];
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Sends the next message of the user, and returns the milliseconds to the first token of the answer. */
  async ask(content: string): Promise<number> {
    this.#messages.push({ role: 'user', content });
    const { startedAt, firstTokenAt, text } = await this.#stream();
    this.#messages.push({ role: 'assistant', content: text });
    return firstTokenAt - startedAt;
  }

  async #stream(): Promise<StreamedCompletion> {
    const { model, answerTokens } = this.#options;
    return toStreamedCompletion(
      await post(this.#url, {
        model,
        messages: this.#messages,
        max_tokens: answerTokens,
        ignore_eos: true,
        temperature: 0,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
  }
}
