// POST /v1/chat/completions: answers a parsed JSON body with a chat completion or a stream of chunks.
import {
  type ChatTemplate,
  ChatTemplateError,
  type RenderedPrompt,
  type TemplateMessage,
  type TemplateVariables,
} from '../../chat/chat-template.ts';
import { breakMark, ControlMarks } from '../../chat/control-marks.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { toTemplateMessages } from '../../chat/messages.ts';
import type { GenerationRequest, ThoughtLimit, ThoughtMarks, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { generateChoices, startStream } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { collectChoices } from '../../generation/valid-choices.ts';
import { toTimings } from '../../telemetry/timings.ts';
import {
  assertFits,
  assertGenerates,
  assertMayFit,
  assertModel,
  toGenerationOptions,
  toMaxTokens,
} from '../generation-request.ts';
import { isDeeperThan, mostLevels } from '../nesting.ts';
import { withSeedOffset } from '../sampling.ts';
import type { ModelService } from '../service.ts';
import { toTextConstraint } from '../text-constraint.ts';
import { toUsage } from '../usage.ts';
import { takeBegunAnswer, toPromptEnd, toRestOf } from './begun-answer.ts';
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
  context: Pick<RequestContext, 'foreignFields'> = {},
): Promise<{ prompt: string }> {
  return { prompt: (await renderTemplate(body, service, context)).replaceAll(breakMark, '') };
}

/**
 * Renders the prompt of an /apply-template request for {@link tokenizeRendered}.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function renderTemplate(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<string> {
  const {
    messages,
    tools = [],
    chat_template_kwargs: kwargs,
    model,
  } = parseTemplateRequest(body, foreignFields);
  assertModel(model, service);
  const { prompt } = await renderPrompt(messages, tools, service, toVariables(undefined, kwargs));
  return prompt;
}

/**
 * Converts a rendered prompt to tokens, piece by piece where texts of control tokens are broken.
 *
 * @throws {RequestError} `context_length_exceeded` when it has too many characters to fit the context
 */
export async function tokenizeRendered(
  prompt: string,
  service: ModelService,
  param: string,
): Promise<Token[]> {
  assertMayFit(prompt, service.engine.contextSize, param);
  return service.engine.tokenizeAside(prompt, { special: true, isPrompt: true, breakMark });
}

/**
 * Converts a part of a rendered prompt that follows another one, as {@link tokenizeRendered} does.
 *
 * @throws {RequestError} `context_length_exceeded` when it has too many characters to fit the context
 */
export async function tokenizeBehind(part: string, service: ModelService, param: string): Promise<Token[]> {
  assertMayFit(part, service.engine.contextSize, param);
  return service.engine.tokenizeAside(part, { special: true, breakMark });
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
  const tools = request.tool_choice === 'none' ? [] : (request.tools ?? []);
  const variables = toVariables(readEffort(request, template, foreign), request.chat_template_kwargs);
  const { messages, text: begun } = takeBegunAnswer(request);
  const rendered = await renderPrompt(messages, tools, service, variables);
  const end = toPromptEnd(
    begun,
    rendered,
    template.abilities.thoughts,
    new ControlMarks(service.engine, 'messages'),
  );
  const tokens = await tokenizeRendered(rendered.prompt + end, service, 'messages');
  return { template, tools, tokens, rendered, begun };
}

async function start(request: ChatRequest, service: ModelService, context: RequestContext): Promise<Started> {
  const prepared = await preparePrompt(request, service, context.foreignFields);
  const { template, tools, tokens, begun } = prepared;
  const output = await toChatOutput(request, toTextConstraint(request), tools, prepared);
  const { reader, grammar, marks, stops } = toRestOf(begun, output.format);
  const { assertContent } = output;
  const { engine } = service;
  assertFits(tokens.length, engine, 'messages');
  const limits = [request.max_completion_tokens, request.max_tokens, request.n_predict];
  const maxTokens = toMaxTokens(limits, tokens.length, engine.contextSize);

  const options = toGenerationOptions(request, service, context);
  const generation: GenerationRequest = {
    ...options,
    stop: [...options.stop, ...stops],
    ...(context.tenant !== undefined && {
      turn: {
        tenant: context.tenant,
        continues: request.messages.some(({ role }) => role === 'assistant'),
      },
    }),
    prompt: tokens,
    maxTokens,
    ...(grammar && { grammar }),
    ...toThoughtLimit(request, reader.thoughts, service, context.foreignFields),
    ...(marks.length > 0 && { visibleTokens: toTokens(marks, service) }),
    ...(request.logprobs && { logprobs: request.top_logprobs ?? 0 }),
    ...(request.timings_per_token && { progress: true }),
  };
  const toBytes = (token: Token) => engine.toBytes(token);
  return {
    request,
    generations: Array.from({ length: request.n }, (_, index) => ({
      ...generation,
      sampling: withSeedOffset(generation.sampling, index),
    })),
    createChoice: (index) =>
      new ChatChoice({
        index,
        request,
        tools: output.tools,
        mustCall: output.mustCall,
        assertContent: assertContent && ((text) => assertContent(begun + text)),
        reader,
        thinks: template.thinks,
        toBytes,
        requestId: context.id,
      }),
    head: toChatHead({
      requestId: context.id,
      createdAt: context.receivedAt,
      model: service.model,
    }),
  };
}

/** @throws {RequestError} when the model has no template, or one that cannot be parsed */
function requireTemplate({ chatTemplate }: ModelService): ChatTemplate {
  if (chatTemplate === undefined)
    throw new RequestError(
      'unsupported_parameter',
      'This model has no chat template. Use /v1/completions, or start the server with CHAT_TEMPLATE.',
      {
        param: 'messages',
      },
    );
  try {
    void chatTemplate.abilities;
  } catch (error) {
    throw toRejection(error);
  }
  return chatTemplate;
}

/** Turns a rejection by the template to an error of the request. */
function toRejection(error: unknown): unknown {
  if (!(error instanceof ChatTemplateError)) return error;
  return new RequestError('invalid_value', error.message, { param: 'messages' });
}

/** The tokens of texts that are one token each. */
function toTokens(texts: readonly string[], { engine }: ModelService): Token[] {
  return texts
    .map((text) => engine.tokenizeText(text, { special: true }))
    .flatMap((tokens) => (tokens.length === 1 ? tokens : []));
}

/** The names of one field. The first one that is given counts. */
const budgetNames = ['thinking_budget_tokens', 'reasoning_budget_tokens', 'thinking_token_budget'] as const;

/** Returns the limit of the thoughts, if the request sets one and the model thinks. */
function toThoughtLimit(
  request: ChatRequest,
  marks: ThoughtMarks | undefined,
  { engine, chatTemplate }: ModelService,
  foreign: ForeignFields | undefined,
): { thoughtLimit?: ThoughtLimit } {
  const name = budgetNames.find((each) => request[each] !== undefined);
  if (name === undefined) return {};
  const tokens = request[name] ?? -1;
  if (tokens < 0) return {};
  const [mark] = marks?.ends ?? [];
  if (marks !== undefined && mark !== undefined)
    return { thoughtLimit: { marks, tokens, end: engine.tokenizeText(mark, { special: true }) } };
  if (!chatTemplate?.thinks)
    foreign?.leaveOut(name, `'${name}' is not supported: this model does not think. Leave it out.`);
  return {};
}

/** Returns how much the model is asked to think, if the request says so and the model thinks. */
function readEffort(
  { reasoning_effort: effort }: ChatRequest,
  { abilities: { thoughts, reasoningEffort } }: ChatTemplate,
  foreign: ForeignFields | undefined,
): string | undefined {
  const thinks = thoughts !== undefined || reasoningEffort;
  if (!thinks && effort !== undefined && effort !== 'none')
    foreign?.leaveOut(
      'reasoning_effort',
      "'reasoning_effort' is not supported: this model does not think. Leave it out.",
    );
  return thinks ? effort : undefined;
}

async function renderPrompt(
  messages: readonly MessageFields[],
  tools: readonly ChatTool[],
  service: ModelService,
  variables: Omit<TemplateVariables, 'tools'>,
): Promise<RenderedPrompt> {
  const template = requireTemplate(service);
  const marks = new ControlMarks(service.engine, 'messages');
  const conversation = marks.breakMessages(toConversation(messages));
  const shownTools = marks.breakTools(tools);
  const options = {
    template,
    imagePlaceholders: service.imagePlaceholders ?? false,
  };
  const converted = toShallow(() => toTemplateMessages(conversation, shownTools, options));
  try {
    return await template.render(converted, {
      ...variables,
      ...(tools.length > 0 && template.abilities.writesTools && { tools: shownTools.map(toShown) }),
    });
  } catch (error) {
    throw toRejection(error);
  }
}

/** `strict` is for this server, not for the model. */
function toShown({ function: { strict: _, ...shown }, ...tool }: ChatTool): object {
  return { ...tool, function: shown };
}

/**
 * Arguments of calls were texts, and may turn out to be nested too deeply.
 *
 * @throws {RequestError} `invalid_value` when they are
 */
function toShallow(convert: () => TemplateMessage[]): TemplateMessage[] {
  try {
    const messages = convert();
    if (!isDeeperThan(messages, mostLevels)) return messages;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new RequestError('invalid_value', 'The messages are nested too deeply. Reduce their depth.');
}

/** `reasoning_effort` says whether the model thinks, and some templates read how much. */
function toVariables(
  effort: string | undefined,
  kwargs: Readonly<Record<string, unknown>>,
): Omit<TemplateVariables, 'tools'> {
  const isOff = effort === 'none' || effort === 'minimal';
  const { enable_thinking: asked } = kwargs;
  const thinking = typeof asked === 'boolean' ? asked : effort === undefined ? undefined : !isOff;
  return {
    thinking,
    kwargs: { ...(effort !== undefined && !isOff && { reasoning_effort: effort }), ...kwargs },
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
