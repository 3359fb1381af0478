// Converts a request in Anthropic's format to the body of a chat.
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { toChatMessages } from './chat-messages.ts';
import type { MessagesRequest, PromptRequest } from './messages-request.ts';
import type { OwnPaths } from './own-paths.ts';

/** A chat's body, and the request's own names of its fields. */
export interface ChatBody {
  readonly body: object;
  readonly paths: OwnPaths;
}

export interface ChatBodyOptions {
  /** Whether the model can think. */
  readonly thinks: boolean;
  /** Records what is ignored. */
  readonly foreign: ForeignFields | undefined;
}

/**
 * Converts a request for a message.
 *
 * @throws {RequestError} `unsupported_parameter` under the strict rule, for what is ignored
 */
export function toChatBody(request: MessagesRequest, options: ChatBodyOptions): ChatBody {
  const { max_tokens: limit, stop_sequences: stop, temperature, top_p, top_k, stream } = request;
  const { body, paths } = toPromptBody(request, options);
  paths.set('stop', 'stop_sequences').set('n_predict', 'max_tokens');
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
    paths,
  };
}

/** Converts the fields that make the prompt, as {@link toChatBody}. */
export function toPromptBody(request: PromptRequest, { thinks, foreign }: ChatBodyOptions): ChatBody {
  const { model, tool_choice: choice, output_config: { format } = {} } = request;
  const paths: OwnPaths = new Map([['response_format', 'output_config.format']]);
  return {
    body: {
      model,
      messages: toChatMessages(request, paths, foreign),
      tools: toTools(request.tools, paths, foreign),
      ...(choice && {
        tool_choice: choice.type === 'tool' ? { type: 'tool', name: choice.name } : choice.type,
      }),
      ...(choice &&
        'disable_parallel_tool_use' in choice && { parallel_tool_calls: !choice.disable_parallel_tool_use }),
      reasoning_effort: toEffort(request, thinks, foreign),
      ...(format && {
        response_format: { type: 'json_schema', json_schema: { schema: format.schema, strict: true } },
      }),
    },
    paths,
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

/** Returns the effort of a model that shall think, or `none`. Anthropic's clients that expect thoughts ask for them. */
function toEffort(
  { thinking, output_config: { effort } = {} }: PromptRequest,
  thinks: boolean,
  foreign: ForeignFields | undefined,
): string | undefined {
  const isOn = thinking !== undefined && thinking.type !== 'disabled';
  if (isOn && thinks) return effort === 'max' ? 'xhigh' : effort;
  if (isOn) foreign?.leaveOut('thinking', "'thinking' is not supported: this model does not think.");
  if (effort !== undefined)
    foreign?.leaveOut(
      'output_config.effort',
      "'output_config.effort' is not supported: the model does not think.",
    );
  return 'none';
}
