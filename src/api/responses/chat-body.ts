// Converts a request of POST /v1/responses to the body of a chat.
import { RequestError } from '../../errors/request-error.ts';
import { ForeignFields } from '../../generation/foreign-fields.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { isNeutral } from '../known-fields.ts';
import type { Rename } from '../renamed-fields.ts';
import { assertFewItems, assertFewParts, parseFields } from '../request-body.ts';
import { mostItems } from './input-fields.ts';
import { type InputItem, toInputItems } from './input-items.ts';
import { toInputMessages } from './input-messages.ts';
import { toRename } from './own-paths.ts';
import type { ResponseStore } from './response-store.ts';
import { type OwnFields, ownSchema, sharedFields } from './responses-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A request as a chat. */
export interface ResponsesRequest {
  /** The fields of its own, without the tools that are ignored. */
  readonly fields: OwnFields;
  /** The fields that mean the same in a chat, as the client sent them. */
  readonly shared: Fields;
  /** The body of the chat. */
  readonly chat: Fields & { readonly messages: readonly Fields[] };
  /** The items of the conversation before the answer. */
  readonly items: readonly InputItem[];
  /** Whether the response is to be stored. */
  readonly isStored: boolean;
  /** Converts the name of a field of the chat to the client's. */
  readonly rename: Rename;
}

type Tool = NonNullable<OwnFields['tools']>[number];
type FunctionTool = Extract<Tool, { name: string }>;

/** The fields that name something stored. A store has only responses. */
const storedFields = ['previous_response_id', 'conversation', 'prompt'];

export interface ParseOptions {
  /** Default: nothing records the ignored fields. */
  readonly foreign?: ForeignFields | undefined;
  /** Default: nothing is stored. */
  readonly store?: ResponseStore | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The value of `include` that asks for log-probabilities. */
const includedLogprobs = 'message.output_text.logprobs';

/**
 * Parses the body of a request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, that names nothing stored, or that is foreign
 * under the strict rule
 */
export async function parseResponsesRequest(
  body: unknown,
  { foreign = new ForeignFields(), store, signal }: ParseOptions = {},
): Promise<ResponsesRequest> {
  const entries = isJsonObject(body) ? Object.entries(body) : [];
  const isShared = ([name]: [string, unknown]) => Object.hasOwn(sharedFields, name);
  const shared = Object.fromEntries(entries.filter(isShared));
  const own = isJsonObject(body) ? Object.fromEntries(entries.filter((entry) => !isShared(entry))) : body;
  if (isJsonObject(own)) {
    assertStateless(own, store);
    assertFewItems(own, 'input', mostItems);
    assertFewParts(own, 'input');
  }
  const fields = parseFields(ownSchema, {}, own, foreign);
  const items = await toInputItems(fields, store, signal);
  const { messages, paths } = toInputMessages(items, fields.instructions, foreign);
  const tools = (fields.tools ?? [])
    .map((tool, index) => ({ tool, path: `tools.${index}` }))
    .filter((each): each is { tool: FunctionTool; path: string } => isFunction(each, foreign));
  const toolChoice = toToolChoice(fields, foreign);
  return {
    fields: {
      ...fields,
      tools: tools.map(({ tool }) => tool),
      ...(toolChoice === undefined && { tool_choice: undefined }),
    },
    shared,
    items,
    isStored: store !== undefined && shared.store !== false,
    chat: {
      ...shared,
      // A chat would tell that it is ignored.
      ...(store !== undefined && shared.store === true && { store: undefined }),
      messages,
      ...(shared.stream === true && { stream_options: { include_usage: true } }),
      ...toLogprobs(fields, foreign),
      ...(tools.length > 0 && { tools: tools.map(({ tool }) => toChatTool(tool)) }),
      tool_choice: toolChoice,
      max_completion_tokens: fields.max_output_tokens,
      reasoning_effort: fields.reasoning?.effort,
      response_format: toResponseFormat(fields),
    },
    rename: toRename(
      paths,
      tools.map(({ path }) => path),
    ),
  };
}

/** @throws {RequestError} `unsupported_parameter` for a request that needs a stored state */
function assertStateless(fields: Fields, store: ResponseStore | undefined): void {
  const refused = storedFields.find(
    (name) => !isNeutral(fields[name] ?? null) && !(store !== undefined && name === 'previous_response_id'),
  );
  if (refused !== undefined) {
    const stored = store === undefined ? 'nothing' : 'only responses';
    throw new RequestError(
      'unsupported_parameter',
      `'${refused}' is not supported, because the server stores ${stored}. Send all items of the conversation as 'input'.`,
      { param: refused },
    );
  }
  if (fields.background === true)
    throw new RequestError(
      'unsupported_parameter',
      "'background' must be false, because an answer needs a client that waits for it. Wait for the answer, or use a batch.",
      { param: 'background' },
    );
}

function isFunction(
  { tool, path }: { readonly tool: Tool; readonly path: string },
  foreign: ForeignFields,
): boolean {
  if ((tool.type ?? 'function') === 'function') return true;
  foreign.leaveOut(path, `'${path}' must be a function. The server runs no tools.`);
  return false;
}

function toChatTool({ type: _, ...definition }: FunctionTool): Fields {
  return { type: 'function', function: definition };
}

function toToolChoice({ tool_choice: choice }: OwnFields, foreign: ForeignFields): unknown {
  if (choice === undefined || isNeutral(choice)) return undefined;
  if (typeof choice === 'string' || choice.type === 'function') return choice;
  if (choice.type === 'allowed_tools' && 'mode' in choice && Array.isArray(choice.tools)) {
    const tools = choice.tools.filter(({ type }) => type === 'function');
    const allowed = tools.map(({ name }) => ({ type: 'function', function: { name } }));
    return { type: 'allowed_tools', allowed_tools: { mode: choice.mode, tools: allowed } };
  }
  foreign.leaveOut('tool_choice', "'tool_choice' must be a function. The server runs no tools.");
  return undefined;
}

function toLogprobs({ include = [], top_logprobs = 0 }: OwnFields, foreign: ForeignFields): Fields {
  for (const name of include) {
    if (name !== includedLogprobs)
      foreign.leaveOut(
        `include.${name}`,
        `'include' must be "${includedLogprobs}". There is nothing else to include.`,
      );
  }
  return include.includes(includedLogprobs) || top_logprobs > 0 ? { logprobs: true, top_logprobs } : {};
}

function toResponseFormat({ text }: OwnFields): Fields | undefined {
  const format = text?.format;
  if (format?.type !== 'json_schema') return format;
  const { type, ...definition } = format;
  return { type, json_schema: definition };
}
