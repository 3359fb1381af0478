// Collects the events of generations. A text that the model ended and that is not valid is generated again.
import { performance } from 'node:perf_hooks';
import type { Engine, GenerationEvent, GenerationRequest } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import { type ChoiceContext, generateChoices } from './choices.ts';
import type { RequestContext } from './context.ts';
import { toSeed } from './seed.ts';

/** How often a text is generated again. */
const mostRetries = 2;

/** The temperature of a repeated generation that would choose the likeliest tokens, and so the same text, again. */
const retryTemperature = 0.7;

interface Choice {
  /** @throws {RequestError} `invalid_output` at the end of a text that is not valid */
  take(event: GenerationEvent): unknown;
}

/**
 * Runs generations to their ends. Generates a text that is not valid again with another seed, at most twice, and
 * only if another generation of the same duration fits the deadline.
 *
 * @param create creates the empty choice at an index
 * @throws {RequestError} `invalid_output` when a text is still not valid
 */
export async function collectChoices<Kind extends Choice>(
  requests: readonly GenerationRequest[],
  create: (index: number) => Kind,
  engine: Engine,
  context: ChoiceContext & Pick<RequestContext, 'endBy'>,
): Promise<Kind[]> {
  const choices = requests.map((_, index) => create(index));
  let pending = requests.map((request, index) => ({ request, index }));
  for (let attempt = 0; ; attempt++) {
    const startedAt = performance.now();
    const rejected = new Map<number, RequestError>();
    const events = generateChoices(
      pending.map(({ request }) => request),
      engine,
      context,
    );
    for await (const { index: place, event } of events) {
      const index = pending[place]?.index ?? place;
      try {
        choices[index]?.take(event);
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== 'invalid_output') throw error;
        rejected.set(index, error);
      }
    }
    const [failure] = rejected.values();
    if (failure === undefined) return choices;
    const now = performance.now();
    const isLate = context.endBy !== undefined && now + (now - startedAt) > context.endBy;
    if (attempt === mostRetries || isLate) throw failure;
    for (const index of rejected.keys()) choices[index] = create(index);
    const offset = requests.length * (attempt + 1);
    pending = pending
      .filter(({ index }) => rejected.has(index))
      .map(({ index }) => ({ index, request: withOtherSeed(requests[index] as GenerationRequest, offset) }));
  }
}

function withOtherSeed(request: GenerationRequest, offset: number): GenerationRequest {
  const { sampling } = request;
  // The seed of a request for the likeliest tokens is random, but the answer must not be.
  if (sampling.temperature === 0)
    return { ...request, sampling: { ...sampling, temperature: retryTemperature, seed: offset } };
  return { ...request, sampling: { ...sampling, seed: toSeed(sampling.seed + offset) } };
}
