// A model's chat template: Jinja code that renders messages as the prompt format the model was trained on. llama.cpp renders it.
import type {
  AppliedTemplate,
  CallFormatInputs,
  CallFormatParser,
  ChatLibrary,
  NativeParser,
  NativeTemplate,
  TemplateInputs,
} from '../engine/chat-library.ts';
import { RequestError } from '../errors/request-error.ts';
import { type CallFormat, findFamilyFormat } from './call-forms.ts';
import { forms, withoutSystemMessage, withTextApart } from './message-forms.ts';
import { RecentValues } from './recent-values.ts';
import { findAbilities, plainInputs, type TemplateAbilities } from './template-abilities.ts';
import { BrokenTemplateError, ChatTemplateError, once, toLimitError } from './template-errors.ts';
import { type TemplateMessage, toNativeJson, toNativeMessage } from './template-message.ts';

export interface TemplateVariables {
  readonly tools?: readonly object[];
  /** Whether the model may think. Default: what the template does by itself. */
  readonly thinking?: boolean | undefined;
  /** Additional variables. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

export interface RenderedPrompt {
  readonly prompt: string;
  /** What the template wrote behind the messages. */
  readonly generationPrompt: string;
  /** What it was rendered from, with the messages in the form that the template accepts. */
  readonly inputs: TemplateInputs;
}

/** The format of the answer to a prompt, and its parser. */
export interface FoundFormat extends AppliedTemplate {
  readonly parser: NativeParser;
}

export interface ChatTemplateSource {
  readonly chatTemplate: string;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  /** Opens llama.cpp's chat code. */
  readonly openLibrary: () => ChatLibrary;
}

export class ChatTemplate {
  readonly #source: ChatTemplateSource;
  #native: NativeTemplate | undefined;
  readonly #abilities = once(() => {
    const { bosToken = '', eosToken = '' } = this.#source;
    return findAbilities(this.#parsed, { bos_token: bosToken, eos_token: eosToken });
  });
  /** The formats that were found last, by what they depend on. To find one takes tens of milliseconds. */
  readonly #formats = new RecentValues<FoundFormat>();
  readonly #callParsers = new RecentValues<CallFormatParser>();

  constructor(source: ChatTemplateSource) {
    this.#source = source;
  }

  /** Its code. */
  get source(): string {
    return this.#source.chatTemplate;
  }

  /** Why no chat can be rendered: it cannot be parsed, or exceeds a limit with an example. Absent: chats can. */
  get fault(): ChatTemplateError | RequestError | undefined {
    try {
      void this.abilities;
      return undefined;
    } catch (error) {
      if (error instanceof ChatTemplateError || error instanceof RequestError) return error;
      throw error;
    }
  }

  get isValid(): boolean {
    return this.fault === undefined;
  }

  /** Whether the model thinks before it answers. False of a template that is not valid. */
  get thinks(): boolean {
    return this.isValid && this.abilities.thoughts !== undefined;
  }

  /**
   * What the template can do, found by rendering examples.
   *
   * @throws {ChatTemplateError} when it cannot be parsed
   * @throws {RequestError} `server_error` when an example exceeds a limit
   */
  get abilities(): TemplateAbilities {
    return this.#abilities();
  }

  /** The format of the model's calls, if it is not one that llama.cpp finds. */
  get callFormat(): CallFormat | undefined {
    const format = this.writtenFormat;
    return this.abilities.calls && !format.isBetter ? undefined : format;
  }

  /** The format in which earlier calls are written, if the template does not write them. */
  get writtenFormat(): CallFormat {
    return findFamilyFormat(this.source);
  }

  /**
   * Renders a prompt. If the template rejects the messages as they are, or drops a system message, it gets them without the system
   * message, then with later system messages as the user's, and then with turns of the user and the assistant only.
   *
   * @throws {ChatTemplateError} with the template's reason when it rejects all of these, or cannot be parsed
   * @throws {BrokenTemplateError} when it fails
   * @throws {RequestError} `server_error` when it exceeds a limit
   */
  async render(
    messages: readonly TemplateMessage[],
    variables: TemplateVariables = {},
  ): Promise<RenderedPrompt> {
    const given = this.abilities.systemRole ? messages : withoutSystemMessage(messages);
    const instructions = messages
      .filter(({ role }) => role === 'system')
      .map(({ content }) => content.trim());
    let rejection: unknown;
    let incomplete: RenderedPrompt | undefined;
    for (const toForm of forms) {
      try {
        const rendered = await this.#renderWhole(toForm(given), variables);
        // Some drop the system messages that are not the first message.
        if (instructions.every((text) => rendered.prompt.includes(text))) return rendered;
        incomplete ??= rendered;
      } catch (error) {
        if (error instanceof RequestError) throw error;
        rejection ??= error;
      }
    }
    if (incomplete !== undefined) return incomplete;
    throw rejection;
  }

  /** Renders messages, in other words where the template drops an answer. */
  async #renderWhole(
    messages: readonly TemplateMessage[],
    variables: TemplateVariables,
  ): Promise<RenderedPrompt> {
    let rendered = await this.#renderMessages(messages, variables);
    const isWritten = ({ content }: TemplateMessage) => rendered.prompt.includes(content.trim());
    // A template that does not know the thoughts of earlier answers may write nothing of these answers.
    if (!messages.every((message) => message.reasoning_content === undefined || isWritten(message))) {
      const withoutThoughts = messages.map(({ reasoning_content: _, ...rest }) => rest);
      rendered = await this.#renderMessages(withoutThoughts, variables);
    }
    // llama.cpp's code for a family may drop the text before calls.
    const isDropped = (message: TemplateMessage) => message.tool_calls !== undefined && !isWritten(message);
    if (this.abilities.isSpecial && messages.some(isDropped))
      rendered = await this.#renderMessages(messages.flatMap(withTextApart), variables);
    return rendered;
  }

  async #renderMessages(
    form: readonly TemplateMessage[],
    variables: TemplateVariables,
  ): Promise<RenderedPrompt> {
    const { isSpecial, leavesThinking, thinksByDefault } = this.abilities;
    const { tools = [], thinking = thinksByDefault } = variables;
    const asked = Object.entries(variables.kwargs ?? {}).filter(([name]) => !reservedNames.has(name));
    const kwargs = {
      ...this.#defaults,
      ...(variables.thinking === undefined && leavesThinking && { enable_thinking: null }),
      ...Object.fromEntries(asked),
    };
    const messages = form.map(toNativeMessage);
    const promptOnly = !isSpecial;
    const inputs = { ...plainInputs, messages, tools, enableThinking: thinking, kwargs, promptOnly };
    const apply = (more: object) => this.#apply({ ...inputs, kwargs: { ...kwargs, ...more } });
    // llama.cpp adds an empty description and empty parameters to a tool without, which few templates need.
    const asGiven = tools.length > 0 ? { tools } : {};
    const { prompt, generationPrompt } = await apply(asGiven).catch((error: unknown) => {
      if (tools.length === 0 || error instanceof RequestError) throw error;
      return apply({});
    });
    return { prompt, generationPrompt, inputs };
  }

  /** Applies the template to find the format of the answer to a prompt. */
  async findFormat(
    { generationPrompt, inputs }: RenderedPrompt,
    options: Pick<TemplateInputs, 'tools' | 'toolChoice' | 'parallel' | 'hasSchema'>,
  ): Promise<FoundFormat> {
    const wanted = { ...inputs, ...options, promptOnly: false };
    if (!this.abilities.isSpecial) {
      // The format of most does not depend on the messages, so that a long conversation is not rendered dozens of times.
      const example = { ...wanted, messages: plainInputs.messages };
      const found = await this.#formats.get(JSON.stringify(example), () => this.#apply(example));
      if (found.generationPrompt === generationPrompt) return found;
    }
    return this.#apply(wanted);
  }

  /**
   * Builds the parser of a format of calls that llama.cpp does not know.
   *
   * @param prefix what the text begins with by the prompt already
   */
  toCallParser(inputs: CallFormatInputs, prefix: string): Promise<CallFormatParser> {
    const json = JSON.stringify(inputs);
    return this.#callParsers.get(prefix + json, () => {
      const { ChatParser } = this.#source.openLibrary();
      return new ChatParser(prefix, json);
    });
  }

  /** llama.cpp gives templates today's date, also those that write a fixed one by themselves. */
  get #defaults(): { readonly date_string?: string } {
    const [, date] = /set date_string = "([^"]*)"/.exec(this.source) ?? [];
    return date === undefined || this.source.includes('strftime_now') ? {} : { date_string: date };
  }

  get #parsed(): NativeTemplate {
    const { openLibrary, chatTemplate, bosToken = '', eosToken = '' } = this.#source;
    const { ChatTemplates } = openLibrary();
    try {
      this.#native ??= new ChatTemplates(chatTemplate, bosToken, eosToken);
      return this.#native;
    } catch (cause) {
      const limit = toLimitError(cause);
      if (limit !== undefined) throw limit;
      throw new ChatTemplateError(
        "The model's chat template cannot be parsed. Use /v1/completions, or a model with another template.",
        { cause },
      );
    }
  }

  async #apply(inputs: TemplateInputs): Promise<FoundFormat> {
    try {
      const { json, parser } = await this.#parsed.apply(toNativeJson(inputs));
      const applied = JSON.parse(json) as AppliedTemplate;
      const { ChatParser } = this.#source.openLibrary();
      return { ...applied, parser: new ChatParser(applied.generationPrompt, applied.format, parser) };
    } catch (cause) {
      const limit = toLimitError(cause);
      if (limit !== undefined) throw limit;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const [, words] = /Jinja Exception: (.*)/.exec(reason) ?? [];
      if (words !== undefined)
        throw new ChatTemplateError(`The model's chat template rejects these messages: ${words}`, { cause });
      throw new BrokenTemplateError(`The model's chat template fails: ${reason}`, { cause });
    }
  }
}

/** The variables that only the server sets. */
const reservedNames: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
  'enable_thinking',
]);
