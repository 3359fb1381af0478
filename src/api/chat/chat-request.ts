// The request of POST /v1/chat/completions: the fields of OpenAI's chat and of llama-server.
import * as z from 'zod/mini';
import { toRuleName } from '../../chat/gbnf-rules.ts';
import { RequestError } from '../../errors/request-error.ts';
import { ForeignFields } from '../../generation/foreign-fields.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { unsupportedFields as unsupportedInCompletions } from '../completions/completion-request.ts';
import { isNeutral } from '../known-fields.ts';
import { assertFewParts, assertTogether, parseFields, type UnsupportedFields } from '../request-body.ts';
import {
  generationFields,
  leaveOutStreamOptions,
  mostTopLogprobs,
  tokenLimit,
  toTopLogprobs,
} from '../request-fields.ts';
import { messages } from './message-fields.ts';
import { chooseTools, type ToolChoice, toolChoiceField } from './tool-choice.ts';

/** OpenAI's limit is 64 letters and Anthropic's 128. Agents compose long names of a server's and a tool's name. */
const functionName = z
  .string()
  .check(z.regex(/^[\w.-]{1,128}$/, "a name of up to 128 letters, digits, '_', '.' and '-'"));

const tool = z.strictObject({
  type: z._default(z.literal('function'), 'function'),
  function: z.strictObject({
    name: functionName,
    description: z.optional(z.string()),
    parameters: z.optional(z.record(z.string(), z.unknown())),
    strict: z.optional(z.nullable(z.boolean())),
  }),
});

const tools = z
  .optional(z.array(tool).check(z.maxLength(128)))
  .check(
    z.describe(
      'The functions that the model may call. With strict, their arguments always match their schemas.',
    ),
  );

const { user, ...generation } = generationFields;

/** A limit of 0 would leave no answer. */
function answerLimit() {
  return z.optional(tokenLimit().check(z.refine((limit) => limit !== 0, 'at least 1')));
}

const thoughtBudget = (description: string) =>
  z.optional(z.int().check(z.gte(-1))).check(z.describe(description));

const notUsed = (why: string) => z.optional(z.unknown()).check(z.describe(`Accepted and not used. ${why}`));

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

export const chatRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
  messages,
  max_completion_tokens: answerLimit().check(
    z.describe(
      'The most tokens to generate. Default, -1 and more than the context has room for: as many as fit.',
    ),
  ),
  max_tokens: answerLimit().check(
    z.describe('The old name of max_completion_tokens. The smallest limit counts.'),
  ),
  tools,
  tool_choice: toolChoiceField,
  parallel_tool_calls: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether the model may call several functions at once.')),
  logprobs: z
    ._default(z.boolean(), false)
    .check(z.describe('Returns the log-probabilities of the generated tokens.')),
  top_logprobs: z
    .optional(z.int().check(z.gte(0), z.lte(mostTopLogprobs)))
    .check(z.describe('Returns this many likeliest alternatives to each token. Needs logprobs.')),
  reasoning_effort: z
    .optional(z.string())
    .check(
      z.describe(
        `One of ${efforts.join(', ')}, for models that think. none and minimal turn the thoughts off if the template can do so.`,
      ),
    ),
  thinking_budget_tokens: thoughtBudget(
    'The most tokens of thoughts. Longer ones are ended, and the answer follows; 0 ends them at once. Default and -1: as many as fit.',
  ),
  reasoning_budget_tokens: thoughtBudget("llama-server's newer name of thinking_budget_tokens."),
  thinking_token_budget: thoughtBudget("vLLM's name of thinking_budget_tokens."),
  chat_template_kwargs: z
    ._default(z.record(z.string(), z.unknown()), {})
    .check(z.describe("Additional variables for the model's chat template.")),
  continue_final_message: z
    ._default(z.boolean(), false)
    .check(
      z.describe("Goes on with the last message, a text of the assistant's, and answers with the rest."),
    ),
  add_generation_prompt: notUsed('The template always opens the answer.'),
  ...generation,
  user,
  safety_identifier: notUsed('The server records nothing about users.'),
  prompt_cache_key: notUsed('The server finds cached prompts itself.'),
  metadata: notUsed('The server stores nothing.'),
  store: z.optional(z.boolean()).check(z.describe('The server stores nothing.')),
  service_tier: z.optional(z.string()).check(z.describe('The server has one tier.')),
  modalities: z.optional(z.array(z.literal('text'))).check(z.describe('Only text.')),
});

/** A validated chat request with its defaults. */
export interface ChatRequest extends Omit<ChatFields, 'tool_choice'> {
  tool_choice?: ToolChoice;
}

type ChatFields = z.output<typeof chatRequestSchema>;

/** The request of POST /apply-template. */
export const templateRequestSchema = z.strictObject({
  messages,
  tools,
  chat_template_kwargs: z._default(z.record(z.string(), z.unknown()), {}),
  model: z.optional(z.string()),
});

const unsupportedFields: UnsupportedFields = {
  ...unsupportedInCompletions,
  functions: "use 'tools'",
  function_call: "use 'tool_choice'",
  audio: 'the server generates only text',
  prediction: '',
  web_search_options: '',
  verbosity: '',
  prompt_cache_retention: '',
  chat_template: "the server always uses the model's template",
  reasoning: "use 'reasoning_effort'",
  reasoning_format: "thoughts are always in 'reasoning_content'",
  suffix: 'use POST /v1/completions',
  echo: 'use POST /v1/completions',
  best_of: 'use POST /v1/completions',
};

/**
 * Parses the body of a chat request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseChatRequest(body: unknown, foreign: ForeignFields = new ForeignFields()): ChatRequest {
  assertFewParts(body, 'messages');
  assertNoForcedCall(body);
  const request = withTopLogprobs(
    withoutUnknownEffort(parseFields(chatRequestSchema, unsupportedFields, body, foreign), foreign),
  );
  const { logprobs, top_logprobs = 0, tools } = request;
  leaveOutStreamOptions(request, foreign);
  leaveOutUnusable(request, foreign);
  assertTogether(logprobs || top_logprobs === 0, 'top_logprobs', "'top_logprobs' needs 'logprobs': true.");
  assertTools(request);
  const { tool_choice, ...rest } = request;
  return { ...rest, ...chooseTools(tool_choice, tools) };
}

/**
 * A client that demands a call by the old field cannot read a text instead.
 *
 * @throws {RequestError} `unsupported_parameter`
 */
function assertNoForcedCall(body: unknown): void {
  const forced = isJsonObject(body) ? body.function_call : undefined;
  if (!isJsonObject(forced) || isNeutral(forced)) return;
  throw new RequestError(
    'unsupported_parameter',
    "'function_call' is not supported: use 'tool_choice', and 'tools' for 'functions'.",
    { param: 'function_call' },
  );
}

/** Asks for log-probabilities when `n_probs` does. */
function withTopLogprobs(request: ChatFields): ChatFields {
  const top = toTopLogprobs(request.n_probs);
  if (top === undefined) return request;
  return { ...request, logprobs: true, top_logprobs: request.top_logprobs ?? top };
}

/**
 * Ignores the values that this server cannot honour and that do not change the text.
 *
 * @throws {RequestError} `unsupported_parameter` under the strict rule
 */
function leaveOutUnusable({ store, service_tier }: ChatFields, foreign: ForeignFields): void {
  if (store) foreign.leaveOut('store', "'store' must be false, not true. The server stores nothing.");
  if (service_tier !== undefined && service_tier !== 'auto' && service_tier !== 'default')
    foreign.leaveOut('service_tier', `'service_tier' must be "auto" or "default". The server has one tier.`);
}

/** Ignores a word for the effort that this server does not know, such as "default". */
function withoutUnknownEffort(request: ChatFields, foreign: ForeignFields): ChatFields {
  const { reasoning_effort: effort, ...rest } = request;
  if (effort === undefined || efforts.some((known) => known === effort)) return request;
  const expected = efforts.map((known) => JSON.stringify(known)).join(' or ');
  foreign.leaveOut('reasoning_effort', `'reasoning_effort' must be ${expected}.`);
  return rest;
}

function assertTools({ tools = [] }: ChatFields): void {
  const names = tools.map((tool) => tool.function.name);
  assertTogether(
    new Set(names).size === names.length,
    'tools',
    "Two 'tools' have the same name. Rename one of them.",
  );
  // llama.cpp has one rule for both, so the model could call only the last one.
  const [one, other] = [...Map.groupBy(names, toRuleName).values()].find(({ length }) => length > 1) ?? [];
  assertTogether(
    one === undefined,
    'tools',
    `The 'tools' '${one}' and '${other}' differ only in '_', '.' or '-'. Rename one of them.`,
  );
  for (const [index, tool] of tools.entries()) {
    const type = tool.function.parameters?.type;
    assertTogether(
      type === undefined || type === 'object',
      `tools.${index}.function.parameters`,
      `'tools.${index}.function.parameters' must be a schema with the type 'object'.`,
    );
  }
}

/** @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule */
export function parseTemplateRequest(
  body: unknown,
  foreign?: ForeignFields,
): z.output<typeof templateRequestSchema> {
  assertFewParts(body, 'messages');
  return parseFields(templateRequestSchema, {}, body, foreign);
}
