// A model's own chat template: Jinja that turns messages into the prompt it was trained on.
import type { Template } from '@huggingface/jinja';

/** A message as templates read it; what is not there is left out, because they ask whether it is defined. */
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
  /** Whether the prompt ends where the assistant begins. */
  readonly addGenerationPrompt: boolean;
  /** More variables, such as `enable_thinking`. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** The template does not take these messages, or is none. The message says why. */
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

  /** Whether the model thinks before it answers, between `<think>` and `</think>`. */
  get thinks(): boolean {
    return this.#source.chatTemplate.includes('</think>');
  }

  /** Whether it tells the model of tools, and to call them as Qwen's and Hermes's models do. */
  get knowsTools(): boolean {
    const { chatTemplate } = this.#source;
    return chatTemplate.includes('<tool_call>') && /\btools\b/.test(chatTemplate);
  }

  /**
   * Renders a prompt. A template that knows no system message gets it with the first message of the user.
   *
   * @throws {ChatTemplateError} with the template's own reason
   */
  async render(messages: readonly TemplateMessage[], variables: TemplateVariables): Promise<string> {
    const template = await this.#parse();
    try {
      return this.#render(template, messages, variables);
    } catch (error) {
      const merged = withoutSystemMessage(messages);
      if (merged === undefined) throw error;
      return this.#render(template, merged, variables);
    }
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
      throw new ChatTemplateError(`The model's chat template does not take these messages: ${reason}`, {
        cause,
      });
    }
  }

  /** Loaded with the first message: a model that only completes texts never needs it. */
  #parse(): Promise<Template> {
    this.#parsed ??= import('@huggingface/jinja').then(({ Template: Parser }) => {
      try {
        return new Parser(this.#source.chatTemplate);
      } catch (cause) {
        throw new ChatTemplateError("The model's chat template is one that cannot be read.", { cause });
      }
    });
    return this.#parsed;
  }
}

function withoutSystemMessage(messages: readonly TemplateMessage[]): TemplateMessage[] | undefined {
  const [system, user, ...rest] = messages;
  if (system?.role !== 'system' || user?.role !== 'user') return undefined;
  return [{ ...user, content: `${system.content}\n\n${user.content}` }, ...rest];
}
