// Converts a request in Anthropic's format to the body of a chat.
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import type { Rename } from '../renamed-fields.ts';
import { assertTogether } from '../request-body.ts';
import { toChatMessages } from './chat-messages.ts';
import type { MessagesRequest, PromptRequest } from './messages-request.ts';
import { type OwnPaths, toRename } from './own-paths.ts';

/** A request as a chat. */
export interface ChatBody {
  readonly body: object;
  /** Converts the name of a field of the chat to the client's. */
  readonly rename: Rename;
}

const generationPaths = [
  ['stop', 'stop_sequences'],
  ['n_predict', 'max_tokens'],
] as const;

const promptPaths = [
  ['reasoning_effort', 'thinking'],
  ['thinking_budget_tokens', 'thinking.budget_tokens'],
  ['parallel_tool_calls', 'tool_choice.disable_parallel_tool_use'],
] as const;

/**
 * Converts a request for a message.
 *
 * @throws {RequestError} `unsupported_parameter` under the strict rule, for what is ignored; `invalid_value` for two formats
 */
export function toChatBody(request: MessagesRequest, foreign: ForeignFields | undefined): ChatBody {
  const { max_tokens: limit, stop_sequences: stop, temperature, top_p, top_k, stream } = request;
  const { body, rename } = toPromptBody(request, foreign);
  return {
    body: {
      ...body,
      // A chat takes 0 only by this name.
      n_predict: limit,
      stop,
      temperature,
      top_p,
      top_k,
      // The first event of a stream has the number of the prompt's tokens, and the last one those of the text.
      ...(stream && { stream, stream_options: { include_usage: true }, timings_per_token: true }),
    },
    rename,
  };
}

/** Converts the fields that make the prompt, as {@link toChatBody}. */
export function toPromptBody(request: PromptRequest, foreign: ForeignFields | undefined): ChatBody {
  const { model, tool_choice: choice, output_config, output_format: olderFormat } = request;
  const format = output_config?.format ?? olderFormat;
  assertTogether(
    olderFormat === undefined || format === olderFormat,
    'output_format',
    "'output_format' and 'output_config.format' cannot be used together.",
  );
  const paths: OwnPaths = new Map([...promptPaths, ...generationPaths]);
  paths.set('response_format', olderFormat === undefined ? 'output_config.format' : 'output_format');
  return {
    body: {
      model,
      messages: toChatMessages(request, paths, foreign),
      ...(request.messages.at(-1)?.role === 'assistant' && { continue_final_message: true }),
      tools: toTools(request.tools, paths, foreign),
      ...(choice && {
        tool_choice: choice.type === 'tool' ? { type: 'tool', name: choice.name } : choice.type,
      }),
      ...(choice &&
        'disable_parallel_tool_use' in choice && { parallel_tool_calls: !choice.disable_parallel_tool_use }),
      reasoning_effort: toEffort(request, foreign),
      thinking_budget_tokens: request.thinking?.budget_tokens,
      ...(format && {
        response_format: { type: 'json_schema', json_schema: { schema: format.schema, strict: true } },
      }),
    },
    rename: toRename(paths),
  };
}

/** Converts the tools of the client. Those that Anthropic runs or describes are left out. */
function toTools(
  tools: PromptRequest['tools'] = [],
  paths: OwnPaths,
  foreign: ForeignFields | undefined,
): object[] {
  const chat: object[] = [];
  for (const [index, { type, name, description, input_schema: parameters, strict }] of tools.entries()) {
    const path = `tools.${index}`;
    if ((type ?? 'custom') !== 'custom') {
      foreign?.leaveOut(path, `'${path}' is not supported: the server has no tools of its own.`);
      continue;
    }
    paths.set(`tools.${chat.length}`, path).set(`tools.${chat.length}.function`, path);
    paths.set(`tools.${chat.length}.function.parameters`, `${path}.input_schema`);
    chat.push({ type: 'function', function: { name, description, parameters, strict } });
  }
  return chat;
}

/** Returns the effort of the thoughts. Clients of Anthropic that expect thoughts ask for them. */
function toEffort(
  { thinking, output_config: { effort } = {} }: PromptRequest,
  foreign: ForeignFields | undefined,
): string {
  if (thinking !== undefined && thinking.type !== 'disabled')
    return effort === 'max' ? 'xhigh' : (effort ?? 'medium');
  if (effort !== undefined)
    foreign?.leaveOut('output_config.effort', "'output_config.effort' needs 'thinking'.");
  return 'none';
}
