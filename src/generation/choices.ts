// Several generations as one: started in order, as many at once as the engine runs, their events as they come.

import {
  type Engine,
  EngineBusyError,
  type GenerationEvent,
  type GenerationRequest,
  type GenerationSummary,
  GrammarError,
} from '../engine/engine.ts';
import { InsufficientMemoryError } from '../engine/memory.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from './context.ts';

/** An event of the generation at `index` in the list that was asked for. */
export interface ChoiceEvent {
  readonly index: number;
  readonly event: GenerationEvent;
}

/**
 * Runs generations. The end of the iteration ends them all, and so does the context's signal.
 *
 * @throws {RequestError} `server_busy` when the engine takes no more, `invalid_value` for a grammar it does not take
 * @throws the signal's reason when aborted
 */
export async function* generateChoices(
  requests: readonly GenerationRequest[],
  engine: Engine,
  { signal, metrics, transcript }: Pick<RequestContext, 'signal' | 'metrics' | 'transcript'>,
): AsyncGenerator<ChoiceEvent, void, void> {
  const waiting = requests.map((request, index) => ({ request, index }));
  const running = new Map<number, AsyncGenerator<GenerationEvent, void, void>>();
  const texts = requests.map(() => '');
  // Prompts are scored one after the other.
  const atOnce = requests.some(({ promptLogprobs }) => promptLogprobs) ? 1 : engine.slots;
  const steps = new Map<number, Promise<{ index: number; step: IteratorResult<GenerationEvent, void> }>>();
  const advance = (index: number, generation: AsyncGenerator<GenerationEvent, void, void>) =>
    void steps.set(
      index,
      generation.next().then((step) => ({ index, step })),
    );
  // However one of them ends, the others are ended, and why they had to be is told first.
  const endAll = () => Promise.allSettled([...running.values()].map((generation) => generation.return()));
  // One that nobody reads on would keep its slot for ever.
  const abandon = () => void endAll();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      while (running.size < atOnce) {
        const next = waiting.shift();
        if (next === undefined) break;
        const generation = engine.generate(next.request, signal);
        running.set(next.index, generation);
        advance(next.index, generation);
      }
      if (running.size === 0) return;
      const { index, step } = await Promise.race(steps.values());
      const generation = running.get(index);
      if (step.done || generation === undefined) {
        running.delete(index);
        steps.delete(index);
        continue;
      }
      if (step.value.type === 'end') metrics?.generated(step.value.summary);
      if (step.value.type === 'text') texts[index] += step.value.text;
      yield { index, event: step.value };
      advance(index, generation);
    }
  } catch (error) {
    throw toRequestFailure(error);
  } finally {
    signal.removeEventListener('abort', abandon);
    // What the others fail with when they are ended says nothing more.
    for (const step of steps.values()) step.catch(() => {});
    await endAll();
    transcript?.wrote(texts);
  }
}

/** What a streamed answer is made of. */
export interface StreamParts<Chunk> {
  /** The chunks before the first event. */
  readonly begin: readonly Chunk[];
  toChunks(event: ChoiceEvent): readonly Chunk[];
  /** The chunks behind the last event; the summaries are those of the generations, in their order. */
  toEnd(summaries: readonly GenerationSummary[]): readonly Chunk[];
}

/**
 * Begins a streamed answer. Waits for the first event, so that what fails until then has a status of its own. Ending the
 * iteration ends the generations.
 */
export async function startStream<Chunk>(
  events: AsyncGenerator<ChoiceEvent, void, void>,
  parts: StreamParts<Chunk>,
): Promise<AsyncGenerator<Chunk, void, void>> {
  return streamFrom(await events.next(), events, parts);
}

async function* streamFrom<Chunk>(
  first: IteratorResult<ChoiceEvent, void>,
  events: AsyncGenerator<ChoiceEvent, void, void>,
  { begin, toChunks, toEnd }: StreamParts<Chunk>,
): AsyncGenerator<Chunk, void, void> {
  const summaries: GenerationSummary[] = [];
  try {
    for (const chunk of begin) yield chunk;
    for (let step = first; !step.done; step = await events.next()) {
      const { index, event } = step.value;
      for (const chunk of toChunks(step.value)) yield chunk;
      if (event.type === 'end') summaries[index] = event.summary;
    }
    for (const chunk of toEnd(summaries)) yield chunk;
  } finally {
    await events.return();
  }
}

/** What the engine refuses because of the request, in the request's terms. */
export function toRequestFailure(error: unknown): unknown {
  if (error instanceof EngineBusyError) {
    return new RequestError('server_busy', `The server is busy: ${error.message} Try again later.`, {
      headers: { 'retry-after': '1' },
    });
  }
  if (error instanceof GrammarError) {
    return new RequestError('invalid_value', error.message, { param: 'grammar' });
  }
  if (error instanceof InsufficientMemoryError) return new RequestError('insufficient_memory', error.message);
  return error;
}
