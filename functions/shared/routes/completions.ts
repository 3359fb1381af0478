// POST /v1/completions, from a parsed JSON body to the answer's object.
import type { GenerationRequest, Sampling } from '../engine/engine.ts';
import { type Completion, toCompletion } from '../wire/completion.ts';
import { type CompletionRequest, parseCompletionRequest } from '../wire/completion-request.ts';
import { RequestError } from '../wire/errors.ts';
import type { Invocation, Service } from './service.ts';

/**
 * Answers a completion request.
 *
 * @throws {RequestError} when the request is wrong or does not fit the model
 */
export async function complete(body: unknown, service: Service, invocation: Invocation): Promise<Completion> {
  const request = parseCompletionRequest(body);
  assertModel(request.model, service.model);
  const generation = service.engine.generate(toGeneration(request, service, invocation), invocation.signal);
  let text = '';
  for (;;) {
    const step = await generation.next();
    if (step.done) {
      const identity = {
        requestId: invocation.requestId,
        createdAt: invocation.receivedAt,
        model: service.model,
      };
      return toCompletion(text, step.value, identity);
    }
    text += step.value;
  }
}

function toGeneration(
  request: CompletionRequest,
  { engine }: Service,
  invocation: Invocation,
): GenerationRequest {
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
    temperature: request.temperature,
    topP: request.top_p,
    topK: request.top_k,
    minP: request.min_p,
    repeatPenalty: request.repeat_penalty,
    seed: toUnsigned32(request.seed ?? seed),
  };
}

/** OpenAI's seeds have 64 bits, llama.cpp's 32; of those it takes the highest for "draw one at random". */
function toUnsigned32(seed: number): number {
  const low = Number(BigInt.asUintN(32, BigInt(seed)));
  return low === 0xffff_ffff ? 0 : low;
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
