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
import type { ThoughtMarks } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import { type CallFormat, findFamily } from './call-forms.ts';
import { RecentValues } from './recent-values.ts';
import { takeTurns } from './taking-turns.ts';
import { findAbilities, plainInputs, type TemplateAbilities } from './template-abilities.ts';
import { toLimitError } from './template-limit.ts';

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
  /** Whether the model may think. Default: what the template does by itself. */
  readonly thinking?: boolean | undefined;
  /** Additional variables. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

export interface RenderedPrompt {
  readonly prompt: string;
  /** What the template wrote behind the messages. */
  readonly generationPrompt: string;
  /** The messages in the form that the template accepts. */
  readonly messages: readonly object[];
  readonly thinking: boolean;
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** The template rejects the messages, by its own words, or cannot be parsed. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

/** The template fails for a reason that is not the messages'. */
export class BrokenTemplateError extends Error {
  override readonly name = 'BrokenTemplateError';
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
  #abilities: TemplateAbilities | undefined;
  /** Why it is refused for good. */
  #refusal: RequestError | undefined;
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
    if (this.#refusal !== undefined) throw this.#refusal;
    try {
      this.#abilities ??= findAbilities(
        this.#parsed,
        (inputs) => JSON.parse(this.#parsed.applyExample(JSON.stringify(inputs)).json) as AppliedTemplate,
        this.#tokens,
      );
    } catch (error) {
      const limit = toLimitError(error);
      if (limit !== undefined) this.#refusal = limit;
      throw limit ?? error;
    }
    return this.#abilities;
  }

  /** The format of the model's calls, if it is not one that llama.cpp finds. */
  get callFormat(): CallFormat | undefined {
    const { format, isBetter } = findFamily(this.source);
    return this.abilities.calls && !isBetter ? undefined : format;
  }

  /** The format in which earlier calls are written, if the template does not write them. */
  get writtenFormat(): CallFormat {
    return findFamily(this.source).format;
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
    const { tools = [], thinking = this.abilities.thinksByDefault } = variables;
    const asked = Object.entries(variables.kwargs ?? {}).filter(([name]) => !reservedNames.has(name));
    const kwargs = {
      ...this.#defaults,
      ...(variables.thinking === undefined && this.abilities.leavesThinking && { enable_thinking: null }),
      ...Object.fromEntries(asked),
    };
    const { isSpecial, systemRole } = this.abilities;
    let rejection: unknown;
    let incomplete: RenderedPrompt | undefined;
    const given = systemRole ? messages : withoutSystemMessage(messages);
    const render = async (form: readonly TemplateMessage[]): Promise<RenderedPrompt> => {
      const nativeMessages = form.map(toNativeMessage);
      const inputs = { ...plainInputs, messages: nativeMessages, tools, enableThinking: thinking };
      const apply = (more: object) =>
        this.#apply({ ...inputs, promptOnly: !isSpecial, kwargs: { ...kwargs, ...more } });
      // llama.cpp adds an empty description and empty parameters to a tool without, which few templates need.
      const asGiven = tools.length > 0 ? { tools } : {};
      const { prompt, generationPrompt } = await apply(asGiven).catch((error: unknown) => {
        if (tools.length === 0 || error instanceof RequestError) throw error;
        return apply({});
      });
      return { prompt, generationPrompt, messages: nativeMessages, thinking, kwargs };
    };
    const instructions = messages
      .filter(({ role }) => role === 'system')
      .map(({ content }) => content.trim());
    for (const toForm of forms) {
      const form = toForm(given);
      try {
        let rendered = await render(form);
        const isWritten = ({ content }: TemplateMessage) => rendered.prompt.includes(content.trim());
        // A template that does not know the thoughts of earlier answers may write nothing of these answers.
        if (!form.every((message) => message.reasoning_content === undefined || isWritten(message)))
          rendered = await render(form.map(({ reasoning_content: _, ...rest }) => rest));
        // llama.cpp's code for a family may drop the text before calls.
        if (isSpecial && !form.every((message) => message.tool_calls === undefined || isWritten(message)))
          rendered = await render(form.flatMap(withTextApart));
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

  /** Applies the template to find the format of the answer to a prompt. */
  async findFormat(
    { messages, generationPrompt, thinking, kwargs }: RenderedPrompt,
    options: Pick<TemplateInputs, 'tools' | 'toolChoice' | 'parallel' | 'hasSchema'>,
  ): Promise<FoundFormat> {
    const variables = { ...options, enableThinking: thinking, kwargs, promptOnly: false };
    if (!this.abilities.isSpecial) {
      // The format of most does not depend on the messages, so that a long conversation is not rendered dozens of times.
      const inputs = { ...variables, messages: plainInputs.messages };
      const found = await this.#formats.get(JSON.stringify(inputs), () => this.#apply(inputs));
      if (found.generationPrompt === generationPrompt) return found;
    }
    return this.#apply({ ...variables, messages });
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

  get #tokens() {
    const { bosToken = '', eosToken = '' } = this.#source;
    return { bos_token: bosToken, eos_token: eosToken };
  }

  get #parsed(): NativeTemplate {
    const { bos_token, eos_token } = this.#tokens;
    const { ChatTemplates } = this.#source.openLibrary();
    try {
      this.#native ??= new ChatTemplates(this.source, bos_token, eos_token);
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

/** The marks of a model's thoughts, and whether the prompt has opened them. */
export function toThoughtMarks(
  marks: TemplateAbilities['thoughts'],
  generationPrompt: string,
): ThoughtMarks | undefined {
  if (marks === undefined) return undefined;
  const startAt = generationPrompt.lastIndexOf(marks.start);
  const hasStarted = startAt >= 0 && marks.ends.every((end) => generationPrompt.lastIndexOf(end) < startAt);
  return { ...marks, hasStarted };
}

/** llama.cpp refuses halves of characters. */
function toNativeJson(value: object): string {
  const json = JSON.stringify(value);
  return json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (each) => (each === '\\\\' ? each : '\uFFFD'));
}

/** llama.cpp takes arguments as texts of JSON, and gives them to the template in the form that it reads. */
function toNativeMessage(message: TemplateMessage): object {
  const { tool_calls, ...rest } = message;
  if (tool_calls === undefined) return rest;
  const calls = tool_calls.map(({ function: call, ...each }) => ({
    ...each,
    function: { ...call, arguments: JSON.stringify(call.arguments) },
  }));
  return { ...rest, tool_calls: calls };
}

/** The forms of messages that templates accept, the most faithful first. */
const forms: readonly ((messages: readonly TemplateMessage[]) => readonly TemplateMessage[])[] = [
  (messages) => messages,
  withoutSystemMessage,
  withUserAsSystem,
  (messages) => takeTurns(messages, { keepSystem: true }),
  (messages) => takeTurns(messages, { keepSystem: false }),
];

/** Makes the text before calls a message of its own. */
function withTextApart(message: TemplateMessage): readonly TemplateMessage[] {
  const { role, content, tool_calls } = message;
  if (tool_calls === undefined || content.trim() === '') return [message];
  return [
    { role, content },
    { ...message, content: '' },
  ];
}

/** Makes system messages that are not the first message the user's. */
function withUserAsSystem(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  return messages.map((message, index) =>
    message.role === 'system' && index > 0 ? { ...message, role: 'user' } : message,
  );
}

/** Merges the system message into the first user message, as llama.cpp does. It drops one alone, which is made the user's. */
function withoutSystemMessage(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const [system, next, ...rest] = messages;
  if (system?.role !== 'system') return messages;
  if (next?.role !== 'user') return [{ ...system, role: 'user' }, ...messages.slice(1)];
  return [{ ...next, content: `${system.content}\n${next.content}` }, ...rest];
}
