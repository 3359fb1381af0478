// POST /v1/chat/completions: answers a parsed JSON body with a chat completion or a stream of chunks.
import { type ChatTemplate, ChatTemplateError, type TemplateVariables } from '../../chat/chat-template.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { toTemplateMessages } from '../../chat/messages.ts';
import type { GenerationRequest, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { generateChoices, startStream } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { collectChoices } from '../../generation/valid-choices.ts';
import { toTimings } from '../../telemetry/timings.ts';
import {
  assertFits,
  assertGenerates,
  assertModel,
  toGenerationOptions,
  tokenizePrompt,
  toMaxTokens,
} from '../generation-request.ts';
import { withSeedOffset } from '../sampling.ts';
import type { ModelService } from '../service.ts';
import { toTextConstraint } from '../text-constraint.ts';
import { toUsage } from '../usage.ts';
import { ChatChoice } from './chat-choice.ts';
import { type ChatChunk, type ChatCompletion, toChatHead } from './chat-completion.ts';
import { toChatOutput } from './chat-output.ts';
import { type ChatRequest, parseChatRequest, parseTemplateRequest } from './chat-request.ts';
import { toConversation } from './history.ts';
import type { MessageFields } from './message-fields.ts';

/** A valid request with its generations. */
interface Started {
  readonly request: ChatRequest;
  readonly generations: readonly GenerationRequest[];
  /** Creates the empty choice of a generation. */
  readonly createChoice: (index: number) => ChatChoice;
  readonly head: ReturnType<typeof toChatHead>;
}

/**
 * Answers a chat request: with chunks if it sets `stream`, else with an object.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function chat(
  body: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<ChatCompletion | AsyncGenerator<ChatChunk, void, void>> {
  const started = await start(parseChatRequest(body, context.foreignFields), service, context);
  return started.request.stream ? stream(started, service, context) : collect(started, service, context);
}

/**
 * Answers POST /apply-template with the prompt that the template renders.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function applyTemplate(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<{ prompt: string }> {
  const {
    messages,
    tools = [],
    chat_template_kwargs: kwargs,
    model,
  } = parseTemplateRequest(body, foreignFields);
  assertModel(model, service);
  const { thinks } = requireTemplate(service);
  return { prompt: await renderPrompt(messages, tools, service, toVariables(thinks, thinks, kwargs)) };
}

/**
 * Counts the tokens of the prompt that a chat request makes.
 *
 * @throws {RequestError} when the request is invalid, or its prompt has too many characters to fit the context
 */
export async function countPromptTokens(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<number> {
  const { tokens } = await preparePrompt(parseChatRequest(body, foreignFields), service, foreignFields);
  return tokens.length;
}

/** Renders the prompt and converts it to tokens, however many they are. */
async function preparePrompt(
  request: ChatRequest,
  service: ModelService,
  foreign: ForeignFields | undefined,
) {
  // As in OpenAI's API, where a completion needs a model too; the invoke URL asks for one without.
  if (service.strictModel && request.model === undefined)
    throw new RequestError('missing_required_parameter', "'model' is required.", { param: 'model' });
  assertModel(request.model, service);
  assertGenerates(service);
  const template = requireTemplate(service);
  const mayThink = decideThinking(request, template, foreign);
  const tools = request.tool_choice === 'none' ? [] : (request.tools ?? []);
  const variables = toVariables(template.thinks, mayThink, request.chat_template_kwargs);
  const prompt = await renderPrompt(request.messages, tools, service, variables);
  // Some templates always start the thoughts, whatever the request asks for.
  const startsThinking = template.thinks && /<think>\s*$/.test(prompt);
  const tokens = await tokenizePrompt(prompt, service, 'messages');
  return { template, tools, tokens, mayThink, startsThinking };
}

async function start(request: ChatRequest, service: ModelService, context: RequestContext): Promise<Started> {
  const prepared = await preparePrompt(request, service, context.foreignFields);
  const { template, tools, tokens, mayThink, startsThinking } = prepared;
  const thoughts = startsThinking ? 'started' : mayThink ? 'possible' : 'none';
  const output = await toChatOutput(request, toTextConstraint(request), tools, thoughts);
  const { engine } = service;
  assertFits(tokens.length, engine, 'messages');
  const limits = [request.max_completion_tokens, request.max_tokens, request.n_predict];
  const maxTokens = toMaxTokens(limits, tokens.length, engine.contextSize);

  const options = toGenerationOptions(request, service, context);
  const generation: GenerationRequest = {
    ...options,
    ...(context.tenant !== undefined && {
      turn: {
        tenant: context.tenant,
        continues: request.messages.some(({ role }) => role === 'assistant'),
      },
    }),
    prompt: tokens,
    maxTokens,
    ...(output.grammar && { grammar: output.grammar }),
    ...(request.logprobs && { logprobs: request.top_logprobs ?? 0 }),
    ...(request.timings_per_token && { progress: true }),
  };
  const toBytes = (token: Token) => engine.toBytes(token);
  const text = {
    thinks: template.thinks,
    startsThinking: startsThinking && !output.isBare,
    calls: output.calls,
  };
  return {
    request,
    generations: Array.from({ length: request.n }, (_, index) => ({
      ...generation,
      sampling: withSeedOffset(generation.sampling, index),
    })),
    createChoice: (index) => {
      const { tools: callable, assertContent } = output;
      const requestId = context.id;
      return new ChatChoice({ index, request, tools: callable, assertContent, text, toBytes, requestId });
    },
    head: toChatHead({
      requestId: context.id,
      createdAt: context.receivedAt,
      model: service.model,
    }),
  };
}

function requireTemplate({ chatTemplate }: ModelService): ChatTemplate {
  if (chatTemplate !== undefined) return chatTemplate;
  throw new RequestError('unsupported_parameter', 'This model has no chat template. Use /v1/completions.', {
    param: 'messages',
  });
}

/** Returns whether the model may think. */
function decideThinking(
  { reasoning_effort: effort }: ChatRequest,
  { thinks }: ChatTemplate,
  foreign: ForeignFields | undefined,
): boolean {
  const isOff = effort === 'none' || effort === 'minimal';
  if (!thinks && effort !== undefined && effort !== 'none')
    foreign?.leaveOut(
      'reasoning_effort',
      "'reasoning_effort' is not supported: this model does not think. Leave it out.",
    );
  return thinks && !isOff;
}

async function renderPrompt(
  messages: readonly MessageFields[],
  tools: readonly ChatTool[],
  service: ModelService,
  variables: Omit<TemplateVariables, 'tools'>,
): Promise<string> {
  const template = requireTemplate(service);
  const { knowsTools } = template;
  try {
    const converted = toTemplateMessages(toConversation(messages), tools, {
      templateKnowsTools: knowsTools,
      imagePlaceholders: service.imagePlaceholders ?? false,
    });
    return await template.render(converted, {
      ...variables,
      ...(knowsTools && tools.length > 0 && { tools }),
    });
  } catch (error) {
    if (error instanceof RangeError)
      throw new RequestError(
        'invalid_value',
        'The messages or tools are nested too deeply. Reduce their depth.',
      );
    if (!(error instanceof ChatTemplateError)) throw error;
    throw new RequestError('invalid_value', error.message, { param: 'messages' });
  }
}

function toVariables(
  knowsThinking: boolean,
  mayThink: boolean,
  kwargs: Readonly<Record<string, unknown>>,
): Omit<TemplateVariables, 'tools'> {
  return {
    addGenerationPrompt: true,
    kwargs: { ...(knowsThinking && { enable_thinking: mayThink }), ...kwargs },
  };
}

async function collect(
  { generations, createChoice, head }: Started,
  { engine }: ModelService,
  context: RequestContext,
): Promise<ChatCompletion> {
  const choices = await collectChoices(generations, createChoice, engine, context);
  const all = choices.map((choice) => choice.finish());
  const summaries = all.map(({ summary }) => summary);
  return {
    ...head,
    object: 'chat.completion',
    choices: all.map(({ choice }) => choice),
    usage: toUsage([summaries], sumReasoning(choices)),
    timings: toTimings(summaries),
  };
}

function stream(
  { request, generations, createChoice, head }: Started,
  { engine }: ModelService,
  context: RequestContext,
): Promise<AsyncGenerator<ChatChunk, void, void>> {
  const choices = generations.map((_, index) => createChoice(index));
  const includeUsage = request.stream_options?.include_usage ?? false;
  const frame = { ...head, object: 'chat.completion.chunk', ...(includeUsage && { usage: null }) } as const;
  return startStream<ChatChunk>(generateChoices(generations, engine, context), {
    begin: choices.map((choice) => ({ ...frame, choices: [choice.toRoleChunk()] })),
    toChunks: ({ index, event }) =>
      (choices[index]?.toChunks(event) ?? []).map((chunk) => ({ ...frame, ...chunk })),
    toEnd: (summaries) =>
      includeUsage ? [{ ...frame, choices: [], usage: toUsage([summaries], sumReasoning(choices)) }] : [],
  });
}

/** Sums up the tokens of thoughts. Returns `undefined` for a model that does not think. */
function sumReasoning(choices: readonly ChatChoice[]): number | undefined {
  const counts = choices.map(({ reasoningTokens }) => reasoningTokens);
  return counts.reduce<number | undefined>(
    (sum, count) => (count === undefined ? sum : (sum ?? 0) + count),
    undefined,
  );
}
