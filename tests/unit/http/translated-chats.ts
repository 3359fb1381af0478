// The chats of public clients in the forms that other APIs give to the same request. Settings without another form stay as they are.
import clientBodies from './client-bodies.json' with { type: 'json' };

type Fields = Readonly<Record<string, unknown>>;

interface Call {
  readonly id: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

interface ChatMessage extends Fields {
  readonly role: string;
  readonly content?: unknown;
  readonly reasoning?: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly Call[] | null;
}

interface Chat extends Fields {
  readonly messages: readonly ChatMessage[];
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly reasoning_effort?: string;
  readonly stop?: unknown;
  readonly tools?: readonly { readonly function: Fields }[];
  readonly tool_choice?: 'none' | 'auto' | 'required' | { readonly function: { readonly name: string } };
  readonly response_format?: {
    readonly type: string;
    readonly schema?: unknown;
    readonly json_schema?: Fields;
  };
}

interface TranslatedChat {
  readonly name: string;
  readonly path: string;
  readonly status: number;
  readonly body: Fields;
}

/** Each chat of the clients at each other API. */
export const translatedChats: readonly TranslatedChat[] = clientBodies.flatMap(
  ({ name, path, status, body }) => {
    if (path !== '/v1/chat/completions' || body === undefined) return [];
    const chat = body as unknown as Chat;
    return [
      { name, status, path: '/v1/responses', body: toResponsesBody(chat) },
      { name, status, path: '/v1/messages', body: toMessagesBody(chat) },
      { name, status, path: '/api/chat', body: toOllamaBody(chat) },
    ];
  },
);

function toResponsesBody(chat: Chat): Fields {
  const { messages, max_tokens, max_completion_tokens: limit = max_tokens, ...settings } = chat;
  const { tools, tool_choice: choice, response_format: format, reasoning_effort: effort, ...rest } = settings;
  const schema = toSchema(format);
  return {
    ...rest,
    input: messages.flatMap(toItems),
    ...(limit !== undefined && { max_output_tokens: limit }),
    ...(effort !== undefined && { reasoning: { effort } }),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', ...tool.function })) }),
    ...(choice && {
      tool_choice: typeof choice === 'string' ? choice : { type: 'function', ...choice.function },
    }),
    ...(format && {
      text: {
        format:
          schema === undefined
            ? { type: format.type }
            : { name: 'x', ...format.json_schema, type: 'json_schema', schema },
      },
    }),
  };
}

function toItems({ role, content, reasoning, tool_calls, tool_call_id: id, ...rest }: ChatMessage): Fields[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: id, output: toText(content) }];
  const calls = tool_calls ?? [];
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  const parts = toParts(content).map((part) => ({ ...part, type }));
  const thought = [{ type: 'reasoning_text', text: reasoning }];
  return [
    ...(reasoning === undefined ? [] : [{ type: 'reasoning', summary: [], content: thought }]),
    ...(parts.length === 0 && calls.length > 0 ? [] : [{ ...rest, type: 'message', role, content: parts }]),
    ...calls.map(({ id: call_id, function: called }) => ({ type: 'function_call', call_id, ...called })),
  ];
}

function toMessagesBody(chat: Chat): Fields {
  const { messages, max_tokens, max_completion_tokens: limit = max_tokens, ...settings } = chat;
  const { tools, tool_choice: choice, response_format, reasoning_effort: effort, stop, ...rest } = settings;
  const schema = toSchema(response_format);
  return {
    ...rest,
    messages: messages.map(toAnthropicMessage),
    ...(limit !== undefined && { max_tokens: limit }),
    ...(stop !== undefined && { stop_sequences: stop }),
    ...(tools && {
      tools: tools.map(({ function: { parameters, ...tool } }) => ({ ...tool, input_schema: parameters })),
    }),
    ...(choice && { tool_choice: toAnthropicChoice(choice) }),
    output_config: {
      ...(effort !== undefined && { effort }),
      ...(schema !== undefined && { format: { type: 'json_schema', schema } }),
    },
  };
}

function toAnthropicMessage(message: ChatMessage): Fields {
  const { role, content, reasoning, tool_calls: calls, tool_call_id: tool_use_id, ...rest } = message;
  if (role === 'tool') {
    return { role: 'user', content: [{ type: 'tool_result', tool_use_id, content: toText(content) }] };
  }
  const thoughts = reasoning === undefined ? [] : [{ type: 'thinking', thinking: reasoning, signature: '' }];
  const uses = (calls ?? []).map(({ id, function: { name, arguments: json } }) => ({
    type: 'tool_use',
    id,
    name,
    input: toObject(json),
  }));
  return {
    ...rest,
    role: role === 'developer' ? 'system' : role,
    content: [...thoughts, ...toParts(content), ...uses],
  };
}

function toAnthropicChoice(choice: NonNullable<Chat['tool_choice']>): Fields {
  if (typeof choice !== 'string') return { type: 'tool', name: choice.function.name };
  return { type: choice === 'required' ? 'any' : choice };
}

function toOllamaBody(chat: Chat): Fields {
  const { messages, max_tokens, max_completion_tokens: limit = max_tokens, ...settings } = chat;
  const { response_format: format, temperature, top_k, top_p, seed, stop, ...rest } = settings;
  return {
    ...rest,
    messages: messages.map(({ content, reasoning, tool_calls: calls, ...message }) => ({
      ...message,
      content: toText(content),
      ...(reasoning !== undefined && { thinking: reasoning }),
      ...(calls && {
        tool_calls: calls.map(({ function: { name, arguments: json } }) => ({
          function: { name, arguments: toObject(json) },
        })),
      }),
    })),
    options: { num_predict: limit, temperature, top_k, top_p, seed, stop },
    ...(format !== undefined && format.type !== 'text' && { format: toSchema(format) ?? 'json' }),
  };
}

function toSchema(format: Chat['response_format']): unknown {
  return format?.json_schema?.schema ?? format?.schema;
}

/** The parts of a content, which are texts. An empty text is no part. */
function toParts(content: unknown): readonly Fields[] {
  if (Array.isArray(content)) return content;
  const text = toText(content);
  return text === '' ? [] : [{ type: 'text', text }];
}

function toText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(({ text }) => text).join('');
  return content === null || content === undefined ? '' : JSON.stringify(content);
}

/** Arguments that are no JSON have no other form than an object. */
function toObject(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return { arguments: json };
  }
}
