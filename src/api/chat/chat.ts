// POST /v1/chat/completions: answers a parsed JSON body with a chat completion or a stream of chunks.
import type { GenerationRequest, ThoughtLimit, ThoughtMarks, Token } from '../../engine/engine.ts';
import { type GrammarFields, generateChoices, startStream } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { collectChoices } from '../../generation/valid-choices.ts';
import { toTimings } from '../../telemetry/timings.ts';
import { assertFits, toCacheScope, toGenerationOptions, toMaxTokens } from '../generation-request.ts';
import { withSeedOffset } from '../sampling.ts';
import type { ModelService } from '../service.ts';
import { toTextConstraint } from '../text-constraint.ts';
import { toUsage } from '../usage.ts';
import { toRestOf } from './begun-answer.ts';
import { ChatChoice } from './chat-choice.ts';
import { type ChatChunk, type ChatCompletion, toChatHead } from './chat-completion.ts';
import { toChatOutput } from './chat-output.ts';
import { preparePrompt } from './chat-prompt.ts';
import { type ChatRequest, parseChatRequest } from './chat-request.ts';
import { toNextTurn } from './next-turn.ts';

/** A valid request with its generations. */
interface Started {
  readonly request: ChatRequest;
  readonly generations: readonly GenerationRequest[];
  /** Creates the empty choice of a generation. */
  readonly createChoice: (index: number) => ChatChoice;
  readonly grammarFields: GrammarFields;
  readonly head: ReturnType<typeof toChatHead>;
  /** Prepares the next turn for the answers of all generations. */
  readonly expectNextTurn: (answers: readonly ChatChoice[]) => void;
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

async function start(request: ChatRequest, service: ModelService, context: RequestContext): Promise<Started> {
  const prepared = await preparePrompt(request, service, context.foreignFields);
  const { template, conversation, tokens, begun } = prepared;
  const output = await toChatOutput(request, toTextConstraint(request), conversation.tools, prepared);
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
    grammarFields: {
      source: output.param,
      ...(begun !== '' && { begun: `messages.${request.messages.length - 1}` }),
    },
    head: toChatHead({
      requestId: context.id,
      createdAt: context.receivedAt,
      model: service.model,
    }),
    expectNextTurn: ([answer, ...others]) => {
      if (answer === undefined || others.length > 0 || answer.isCalling) return;
      engine.anticipate?.(async () => {
        const prompt = await toNextTurn(conversation, begun + answer.content, service);
        // Without the request's deadline, which may have passed.
        const { cachePrompt = true } = options;
        return prompt && { prompt, cachePrompt, ...toCacheScope(service, context) };
      });
    },
  };
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

async function collect(
  { generations, createChoice, grammarFields, head, expectNextTurn }: Started,
  { engine }: ModelService,
  context: RequestContext,
): Promise<ChatCompletion> {
  const choices = await collectChoices(generations, createChoice, engine, { ...context, grammarFields });
  expectNextTurn(choices);
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
  { request, generations, createChoice, grammarFields, head, expectNextTurn }: Started,
  { engine }: ModelService,
  context: RequestContext,
): Promise<AsyncGenerator<ChatChunk, void, void>> {
  const choices = generations.map((_, index) => createChoice(index));
  const includeUsage = request.stream_options?.include_usage ?? false;
  const frame = { ...head, object: 'chat.completion.chunk', ...(includeUsage && { usage: null }) } as const;
  const events = generateChoices(generations, engine, { ...context, grammarFields });
  return startStream<ChatChunk>(events, {
    begin: choices.map((choice) => ({ ...frame, choices: [choice.toRoleChunk()] })),
    toChunks: ({ index, event }) =>
      (choices[index]?.toChunks(event) ?? []).map((chunk) => ({ ...frame, ...chunk })),
    toEnd: (summaries) => {
      expectNextTurn(choices);
      return includeUsage
        ? [{ ...frame, choices: [], usage: toUsage([summaries], sumReasoning(choices)) }]
        : [];
    },
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
