// POST /v1/completions: answers a parsed JSON body with a completion or a stream of chunks.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GenerationRequest, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { type GrammarFields, generateChoices, startStream } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import { collectChoices } from '../../generation/valid-choices.ts';
import { toTimings } from '../../telemetry/timings.ts';
import { assertToken } from '../assert-token.ts';
import {
  assertFits,
  assertGenerates,
  assertMayFit,
  assertModel,
  toGenerationOptions,
  tokenizePrompt,
  toMaxTokens,
} from '../generation-request.ts';
import { rememberEach } from '../logprobs.ts';
import { assertTogether } from '../request-body.ts';
import { withSeedOffset } from '../sampling.ts';
import type { ModelService } from '../service.ts';
import { toTextConstraint, toTextOutput } from '../text-constraint.ts';
import { toUsage } from '../usage.ts';
import {
  type CompletionChoice as Choice,
  type Completion,
  type CompletionChunk,
  toCompletionHead,
} from './completion.ts';
import { CompletionChoice } from './completion-choice.ts';
import {
  type CompletionRequest,
  type Prompt,
  parseCompletionRequest,
  toPrompts,
} from './completion-request.ts';

/** The most texts that one request may generate, over all its prompts. */
const mostGenerations = 1024;

/** The most log-probabilities of one echoed prompt. They are converted to texts at once. */
const mostPromptLogprobs = 32_768;

/** OpenAI's default of `max_tokens`. */
const defaultMaxTokens = 16;

/** A valid request with its generations. */
export interface StartedCompletion {
  readonly request: CompletionRequest;
  /** In the order of the prompts. */
  readonly generations: readonly GenerationRequest[];
  /** Creates the empty choice of a generation. */
  readonly createChoice: (index: number) => CompletionChoice;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertValid: ((text: string) => void) | undefined;
  readonly grammarFields: GrammarFields;
  /** How many generations each prompt has. */
  readonly generationsPerPrompt: number;
  readonly head: ReturnType<typeof toCompletionHead>;
}

/**
 * Answers a completion request: with chunks if it sets `stream`, else with an object.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function complete(
  body: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<Completion | AsyncGenerator<CompletionChunk, void, void>> {
  const started = await startCompletion(body, service, context);
  return started.request.stream ? stream(started, service, context) : collect(started, service, context);
}

/**
 * Validates a request and prepares its generations.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function startCompletion(
  body: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<StartedCompletion> {
  const request = parseCompletionRequest(body, context.foreignFields);
  assertModel(request.model, service);
  assertGenerates(service);
  const constraint = toTextConstraint(request);
  const { gbnf, assertValid } = await toTextOutput(constraint);
  const { n, best_of = n, logprobs, echo } = request;
  // best_of compares choices by their log-probabilities.
  const scored = logprobs ?? (best_of > n ? 0 : undefined);
  const options: Omit<GenerationRequest, 'prompt' | 'maxTokens'> = {
    ...toGenerationOptions(request, service, context),
    ...(gbnf !== undefined && { grammar: { gbnf } }),
    ...(scored !== undefined && { logprobs: scored, promptLogprobs: echo && logprobs !== undefined }),
    ...(request.timings_per_token && { progress: true }),
  };
  const prompts: (readonly Token[])[] = [];
  for (const prompt of toPrompts(request.prompt)) {
    // Each takes up to 20 ms, and there may be many: others are answered in between.
    if (prompts.length > 0) await nextTurn();
    prompts.push(await toPromptTokens(prompt, request, service));
  }
  const toEchoedText = (prompt: Prompt | undefined) =>
    typeof prompt === 'string' ? prompt : service.engine.detokenize(prompt ?? []);
  const echoed = toPrompts(request.prompt).map((prompt) => (echo ? toEchoedText(prompt) : ''));
  if (prompts.length * best_of > mostGenerations) {
    throw new RequestError(
      'invalid_value',
      `The request asks for ${prompts.length * best_of} texts. Ask for at most ${mostGenerations}.`,
      { param: best_of > n ? 'best_of' : 'n' },
    );
  }
  const generations = prompts.flatMap((prompt, index) =>
    Array.from({ length: best_of }, (_, seedOffset) => ({ prompt, echo: echoed[index] ?? '', seedOffset })),
  );
  const toBytes = rememberEach((token) => service.engine.toBytes(token));
  return {
    request,
    generations: generations.map(({ prompt, seedOffset }) => ({
      ...options,
      prompt,
      maxTokens: limitTokens(request, prompt.length, service),
      sampling: withSeedOffset(options.sampling, seedOffset),
    })),
    createChoice: (index) => {
      const { prompt = [], echo: prefix = '' } = generations[index] ?? {};
      return new CompletionChoice({ index, prompt, prefix, request, toBytes, assertValid });
    },
    assertValid,
    grammarFields: constraint.kind === 'none' ? {} : { source: constraint.param },
    generationsPerPrompt: best_of,
    head: toCompletionHead({
      requestId: context.id,
      createdAt: context.receivedAt,
      model: service.model,
    }),
  };
}

async function toPromptTokens(
  prompt: Prompt,
  request: CompletionRequest,
  service: ModelService,
): Promise<readonly Token[]> {
  const { engine } = service;
  const tokens = typeof prompt === 'string' ? await tokenizeText(prompt, request, service) : prompt;
  for (const token of tokens) assertToken(token, engine.properties.vocabularySize, 'prompt');
  assertFits(tokens.length, engine, 'prompt');
  assertFewLogprobs(tokens.length, request);
  return tokens;
}

/** @throws {RequestError} `invalid_value` when the request asks for very many log-probabilities of its prompt */
function assertFewLogprobs(promptTokens: number, { echo, logprobs }: CompletionRequest): void {
  if (!echo || logprobs === undefined) return;
  const count = promptTokens * (logprobs + 1);
  assertTogether(
    count <= mostPromptLogprobs,
    'logprobs',
    `'echo' with 'logprobs': ${logprobs} asks for ${count} log-probabilities of a prompt of ${promptTokens} tokens. ` +
      `Ask for at most ${mostPromptLogprobs}.`,
  );
}

function limitTokens(
  { max_tokens, n_predict }: CompletionRequest,
  promptTokens: number,
  { engine }: ModelService,
): number {
  return toMaxTokens([max_tokens, n_predict], promptTokens, engine.contextSize, defaultMaxTokens);
}

async function tokenizeText(
  prompt: string,
  { suffix }: CompletionRequest,
  service: ModelService,
): Promise<Token[]> {
  if (suffix === undefined) return tokenizePrompt(prompt, service, 'prompt');
  assertMayFit(prompt, service.engine.contextSize, 'prompt');
  assertMayFit(suffix, service.engine.contextSize, 'suffix');
  const infill = service.engine.toInfillPrompt(prompt, suffix);
  if (infill !== undefined) return infill;
  throw new RequestError(
    'unsupported_parameter',
    "'suffix' is not supported: this model cannot fill in. Leave out 'suffix'.",
    { param: 'suffix' },
  );
}

async function collect(
  { request, generations, createChoice, grammarFields, generationsPerPrompt, head }: StartedCompletion,
  { engine }: ModelService,
  context: RequestContext,
): Promise<Completion> {
  const choices = await collectChoices(generations, createChoice, engine, { ...context, grammarFields });
  const all = choices.map((choice) => choice.finish());
  const summaries = all.map(({ summary }) => summary);
  const prompts = inGroups(all, generationsPerPrompt).map((generations) =>
    generations.length > request.n
      ? generations.toSorted((one, other) => other.meanLogprob - one.meanLogprob).slice(0, request.n)
      : generations,
  );
  return {
    ...head,
    choices: prompts.flat().map(({ choice }, index): Choice => ({ ...choice, index })),
    usage: toUsage(inGroups(summaries, generationsPerPrompt)),
    timings: toTimings(summaries),
  };
}

function stream(
  { request, generations, createChoice, grammarFields, generationsPerPrompt, head }: StartedCompletion,
  { engine }: ModelService,
  context: RequestContext,
): Promise<AsyncGenerator<CompletionChunk, void, void>> {
  const choices = generations.map((_, index) => createChoice(index));
  const includeUsage = request.stream_options?.include_usage ?? false;
  const usage = includeUsage && { usage: null };
  const events = generateChoices(generations, engine, { ...context, grammarFields });
  return startStream<CompletionChunk>(events, {
    begin: [],
    toChunks: ({ index, event }) =>
      (choices[index]?.toChunks(event) ?? []).map((chunk) => ({ ...head, ...chunk, ...usage })),
    toEnd: (summaries) =>
      includeUsage
        ? [{ ...head, choices: [], usage: toUsage(inGroups(summaries, generationsPerPrompt)) }]
        : [],
  });
}

function inGroups<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: items.length / size }, (_, group) =>
    items.slice(group * size, (group + 1) * size),
  );
}
