// POST /v1/completions, from a parsed JSON body to the answer: whole, or in chunks.
import {
  EngineBusyError,
  type GenerationEvent,
  type GenerationRequest,
  type Sampling,
} from '../engine/engine.ts';
import {
  type AnswerIdentity,
  type Completion,
  type CompletionChunk,
  toCompletion,
  toFinalChunks,
  toTextChunk,
} from '../wire/completion.ts';
import { type CompletionRequest, parseCompletionRequest } from '../wire/completion-request.ts';
import { RequestError } from '../wire/errors.ts';
import type { Invocation, Service } from './service.ts';

/** No vocabulary has longer tokens; the longest are runs of blanks or of dashes. */
const longestTokenInCharacters = 256;

const lowestTemperature = 1e-5;

/** A request that was found right, and what answers it. Nothing is generated before it is iterated. */
interface Started {
  readonly request: CompletionRequest;
  readonly generation: AsyncGenerator<GenerationEvent, void, void>;
  readonly identity: AnswerIdentity;
}

/**
 * Answers a completion request as a whole.
 *
 * @throws {RequestError} when the request is wrong, does not fit the model, or asks for a stream
 */
export async function complete(body: unknown, service: Service, invocation: Invocation): Promise<Completion> {
  const started = start(body, service, invocation);
  if (!started.request.stream) return collect(started);
  throw new RequestError(
    'unsupported_parameter',
    "'stream' is not supported here: this answer comes as a whole.",
    {
      param: 'stream',
    },
  );
}

/**
 * Answers a completion request as it asks for it: an object, or chunks as they are generated.
 *
 * @throws {RequestError} when the request is wrong or does not fit the model
 */
export async function completeOrStream(
  body: unknown,
  service: Service,
  invocation: Invocation,
): Promise<Completion | AsyncGenerator<CompletionChunk, void, void>> {
  const started = start(body, service, invocation);
  if (!started.request.stream) return collect(started);
  // The first event before the answer begins, so that what fails until then has a status of its own.
  const first = await failingAsBusy(started.generation.next());
  return toChunks(started, first);
}

function start(body: unknown, service: Service, invocation: Invocation): Started {
  const request = parseCompletionRequest(body);
  assertModel(request.model, service.model);
  const { signal } = invocation;
  const generation = service.engine.generate(toGeneration(request, service, invocation), signal);
  // One that nobody reads on would keep its slot for ever.
  signal.addEventListener('abort', () => void generation.return(), { once: true });
  return {
    request,
    generation,
    identity: { requestId: invocation.requestId, createdAt: invocation.receivedAt, model: service.model },
  };
}

async function collect({ generation, identity }: Started): Promise<Completion> {
  let text = '';
  try {
    for (;;) {
      const { value: event } = await failingAsBusy(generation.next());
      if (!event) throw new Error('The generation ended without a summary.');
      if (event.type === 'end') return toCompletion(text, event.summary, identity);
      text += event.text;
    }
  } finally {
    await generation.return();
  }
}

async function* toChunks(
  { request, generation, identity }: Started,
  first: IteratorResult<GenerationEvent, void>,
): AsyncGenerator<CompletionChunk, void, void> {
  const includeUsage = request.stream_options?.include_usage ?? false;
  try {
    for (let step = first; !step.done; step = await generation.next()) {
      if (step.value.type === 'text') yield toTextChunk(step.value.text, identity, includeUsage);
      else yield* toFinalChunks(step.value.summary, identity, includeUsage);
    }
  } finally {
    await generation.return();
  }
}

/** @throws {RequestError} `server_busy` when the engine takes no more */
async function failingAsBusy<Result>(step: Promise<Result>): Promise<Result> {
  try {
    return await step;
  } catch (error) {
    if (!(error instanceof EngineBusyError)) throw error;
    throw new RequestError('server_busy', `The server is busy: ${error.message} Try again later.`, {
      headers: { 'retry-after': '1' },
    });
  }
}

function toGeneration(
  request: CompletionRequest,
  { engine }: Service,
  invocation: Invocation,
): GenerationRequest {
  assertMayFit(request.prompt, engine.contextSize);
  const prompt = engine.tokenize(request.prompt);
  const { max_tokens: maxTokens, stop } = request;
  if (prompt.length === 0) {
    throw new RequestError('invalid_value', "'prompt' must have at least one token.", { param: 'prompt' });
  }
  assertFits(prompt.length, maxTokens, engine.contextSize);
  return { prompt, maxTokens, stop, sampling: toSampling(request, invocation.seed) };
}

function toSampling(request: CompletionRequest, seed: number): Sampling {
  return {
    // Below that the division by it overflows llama.cpp's 32-bit floats, and the text is noise.
    temperature: request.temperature < lowestTemperature ? 0 : request.temperature,
    topP: request.top_p,
    topK: request.top_k,
    minP: request.min_p,
    repeatPenalty: request.repeat_penalty,
    seed: toUnsigned32(request.seed ?? seed),
  };
}

/** llama.cpp's seeds have 32 bits, and it takes the highest for "draw one at random". */
function toUnsigned32(seed: number): number {
  const low = Number(BigInt.asUintN(32, BigInt(seed)));
  return low === 0xffff_ffff ? 0 : low;
}

/** Turning megabytes into tokens blocks for seconds, to say in the end that they are too many. */
function assertMayFit(prompt: string, contextSize: number): void {
  if (prompt.length <= contextSize * longestTokenInCharacters) return;
  throw new RequestError(
    'context_length_exceeded',
    `This model's context holds ${contextSize} tokens, and the ${prompt.length} characters of the prompt are more ` +
      `than ${contextSize} tokens. Shorten it.`,
    { param: 'prompt' },
  );
}

function assertModel(asked: string | undefined, loaded: string): void {
  if (asked === undefined || asked === loaded) return;
  throw new RequestError('model_not_found', `The model asked for is not here; this server has '${loaded}'.`, {
    param: 'model',
  });
}

function assertFits(promptTokens: number, maxTokens: number, contextSize: number): void {
  if (promptTokens + maxTokens <= contextSize) return;
  throw new RequestError(
    'context_length_exceeded',
    `This model's context holds ${contextSize} tokens, but ${promptTokens + maxTokens} were asked for: ` +
      `${promptTokens} in the prompt and ${maxTokens} in 'max_tokens'. Shorten one of them.`,
    { param: promptTokens >= contextSize ? 'prompt' : 'max_tokens' },
  );
}
