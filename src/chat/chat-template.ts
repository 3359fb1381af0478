// A model's chat template: Jinja code that renders messages as the prompt format the model was trained on.
import type { Template } from '@huggingface/jinja';
import { takeTurns } from './taking-turns.ts';

/** A message as templates read it. Absent fields are left out, because templates test `is defined`. */
export interface TemplateMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: { readonly name: string; readonly arguments: unknown };
  }[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

export interface TemplateVariables {
  readonly tools?: readonly object[];
  /** Whether the prompt ends with the start of the assistant's message. */
  readonly addGenerationPrompt: boolean;
  /** Additional variables, such as `enable_thinking`. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** The template rejects the messages, or cannot be parsed. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

export interface ChatTemplateSource {
  readonly chatTemplate: string;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
}

export class ChatTemplate {
  readonly #source: ChatTemplateSource;
  #parsed: Promise<Template> | undefined;

  constructor(source: ChatTemplateSource) {
    this.#source = source;
  }

  /** Whether the model generates thoughts between `<think>` and `</think>` before its answer. */
  get thinks(): boolean {
    return this.#source.chatTemplate.includes('</think>');
  }

  /** Whether the template writes tools into the prompt, in the call format of the Qwen and Hermes models. */
  get knowsTools(): boolean {
    const { chatTemplate } = this.#source;
    return chatTemplate.includes('<tool_call>') && /\btools\b/.test(chatTemplate);
  }

  /**
   * Renders a prompt. If the template rejects the messages as they are, it gets them without the system message, and then with
   * turns of the user and the assistant only.
   *
   * @throws {ChatTemplateError} with the template's reason when it rejects all of these, or cannot be parsed
   */
  async render(messages: readonly TemplateMessage[], variables: TemplateVariables): Promise<string> {
    const template = await this.#parse();
    let rejection: unknown;
    for (const toForm of forms) {
      try {
        return this.#render(template, toForm(messages), variables);
      } catch (error) {
        rejection ??= error;
      }
    }
    throw rejection;
  }

  #render(
    template: Template,
    messages: readonly TemplateMessage[],
    { tools, addGenerationPrompt, kwargs }: TemplateVariables,
  ): string {
    const { bosToken = '', eosToken = '' } = this.#source;
    try {
      return template.render({
        ...kwargs,
        messages,
        ...(tools && { tools }),
        add_generation_prompt: addGenerationPrompt,
        bos_token: bosToken,
        eos_token: eosToken,
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ChatTemplateError(`The model's chat template rejects these messages: ${reason}`, {
        cause,
      });
    }
  }

  /** Parses the template on first use: completions never need it. */
  #parse(): Promise<Template> {
    this.#parsed ??= import('@huggingface/jinja').then(({ Template: Parser }) => {
      try {
        return new Parser(this.#source.chatTemplate);
      } catch (cause) {
        throw new ChatTemplateError(
          "The model's chat template cannot be parsed. Use /v1/completions, or a model with another template.",
          { cause },
        );
      }
    });
    return this.#parsed;
  }
}

/** The forms of messages that templates accept, the most faithful first. */
const forms: readonly ((messages: readonly TemplateMessage[]) => readonly TemplateMessage[])[] = [
  (messages) => messages,
  withoutSystemMessage,
  (messages) => takeTurns(messages, { keepSystem: true }),
  (messages) => takeTurns(messages, { keepSystem: false }),
];

/** Merges the system message into the first user message. */
function withoutSystemMessage(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const [system, user, ...rest] = messages;
  if (system?.role !== 'system' || user?.role !== 'user') return messages;
  return [{ ...user, content: `${system.content}\n\n${user.content}` }, ...rest];
}
