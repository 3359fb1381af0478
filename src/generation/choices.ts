// Runs the generations of one request, as many at once as the engine has slots, and merges their events.

import {
  type Engine,
  EngineBusyError,
  type GenerationEvent,
  type GenerationRequest,
  type GenerationSummary,
  GrammarError,
  GrammarPrefixError,
} from '../engine/engine.ts';
import { InsufficientMemoryError } from '../engine/memory.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from './context.ts';
import { UsedTokens } from './used-tokens.ts';

/** An event of the generation of the request at `index`. */
export interface ChoiceEvent {
  readonly index: number;
  readonly event: GenerationEvent;
}

/** The fields of a request that an error about its grammar names. */
export interface GrammarFields {
  /** The field that the grammar is made of. Absent: there is no grammar. */
  readonly source?: string;
  /** The message that begins the answer, which the grammar covers too. Absent: none does. */
  readonly begun?: string;
}

export interface ChoiceContext extends Pick<RequestContext, 'signal' | 'metrics' | 'transcript' | 'spend'> {
  readonly grammarFields?: GrammarFields;
}

/**
 * Runs generations, started in order. Ending the iteration ends all of them, as does aborting the signal.
 *
 * @throws {RequestError} `server_busy` when the queue is full, `invalid_value` for a grammar that cannot be used
 * @throws the signal's reason when aborted
 */
export async function* generateChoices(
  requests: readonly GenerationRequest[],
  engine: Engine,
  { signal, metrics, transcript, spend, grammarFields }: ChoiceContext,
): AsyncGenerator<ChoiceEvent, void, void> {
  const waiting = requests.map((request, index) => ({ request, index }));
  const running = new Map<number, AsyncGenerator<GenerationEvent, void, void>>();
  const texts = requests.map(() => '');
  const usedTokens = new UsedTokens(requests);
  // Prompts are scored one after the other.
  const concurrency = requests.some(({ promptLogprobs }) => promptLogprobs) ? 1 : engine.slots;
  const steps = new Map<number, Promise<{ index: number; step: IteratorResult<GenerationEvent, void> }>>();
  const advance = (index: number, generation: AsyncGenerator<GenerationEvent, void, void>) =>
    void steps.set(
      index,
      generation.next().then((step) => ({ index, step })),
    );
  // Settled, because a generation that fails to end must not hide the error that ended it.
  const endAll = () => Promise.allSettled([...running.values()].map((generation) => generation.return()));
  // A generation that nobody reads would keep its slot for ever.
  const abandon = () => void endAll();
  let wasRefused = false;
  signal.addEventListener('abort', abandon, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      while (running.size < concurrency) {
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
      spend?.(usedTokens.by(index, step.value));
      if (step.value.type === 'end') metrics?.generated(step.value.summary);
      if (step.value.type === 'text') texts[index] += step.value.text;
      yield { index, event: step.value };
      advance(index, generation);
    }
  } catch (error) {
    const failure =
      error instanceof GrammarError ? toGrammarFailure(error, grammarFields) : translateEngineError(error);
    wasRefused = failure !== error;
    throw failure;
  } finally {
    if (!wasRefused) for (const index of running.keys()) spend?.(usedTokens.takePrompt(index));
    signal.removeEventListener('abort', abandon);
    // The first error ended the other generations, so their own errors are ignored.
    for (const step of steps.values()) step.catch(() => {});
    await endAll();
    transcript?.wrote(texts);
  }
}

/** Converts the events of generations to the chunks of a streamed answer. */
export interface StreamParts<Chunk> {
  /** The chunks that precede the first event. */
  readonly begin: readonly Chunk[];
  toChunks(event: ChoiceEvent): readonly Chunk[];
  /** The chunks that follow the last event. There is one summary for each generation, in order. */
  toEnd(summaries: readonly GenerationSummary[]): readonly Chunk[];
}

/**
 * Starts a streamed answer. It waits for the first event, so that an earlier failure still has its own HTTP
 * status. Ending the iteration ends the generations.
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

function toGrammarFailure(error: GrammarError, { source, begun }: GrammarFields = {}): RequestError {
  if (begun === undefined || !(error instanceof GrammarPrefixError))
    return new RequestError('invalid_value', error.message, { param: source ?? null });
  return new RequestError(
    'invalid_value',
    `'${begun}' cannot begin this answer: it does not fit the format that the request asks for. Change it, or leave it out.`,
    { param: begun },
  );
}

/** Converts the engine's refusals of a request to a `RequestError`. Returns any other error unchanged. */
export function translateEngineError(error: unknown): unknown {
  if (error instanceof EngineBusyError) {
    return new RequestError('server_busy', `The server is busy: ${error.message} Try again later.`, {
      headers: { 'retry-after': '1' },
    });
  }
  if (error instanceof InsufficientMemoryError) return new RequestError('insufficient_memory', error.message);
  return error;
}
