// An embedder without a model. A vector starts with the length of its text. A document's score is the share
// of the query's characters that it contains.
import { once } from 'node:events';
import {
  type Embedder,
  type EmbeddingAbility,
  type EmbeddingInput,
  type Embeddings,
  type EvaluationWatch,
  type Misfit,
  type Ranking,
  UnfitInputError,
} from '../../../src/engine/embedder.ts';

export class FakeEmbedder implements Embedder {
  readonly contextSize = 16;
  readonly ability: EmbeddingAbility;
  /** The inputs of all calls, oldest first. */
  readonly calls: (readonly EmbeddingInput[])[] = [];
  /** When set, every call fails because of the input at the index. */
  misfit: { index: number; misfit: Misfit } | undefined;
  failure: Error | undefined;
  /** Whether calls run until they are aborted. */
  isEndless = false;

  constructor(ability: EmbeddingAbility) {
    this.ability = ability;
  }

  async embed(
    inputs: readonly EmbeddingInput[],
    { signal, onTokens }: EvaluationWatch = {},
  ): Promise<Embeddings> {
    this.#record(inputs);
    for (const { length } of inputs) {
      onTokens?.(length);
      if (this.isEndless) await untilAborted(signal);
    }
    const vectors = inputs.map(({ length }) => {
      const size = Math.hypot(length, 3, 4, 12);
      return Float32Array.of(length / size, 3 / size, 4 / size, 12 / size);
    });
    return { vectors, tokens: inputs.reduce((sum, { length }) => sum + length, 0) };
  }

  async rank(
    query: string,
    documents: readonly string[],
    { signal, onTokens }: EvaluationWatch = {},
  ): Promise<Ranking> {
    this.#record([query, ...documents]);
    for (const { length } of documents) {
      onTokens?.(query.length + length);
      if (this.isEndless) await untilAborted(signal);
    }
    const characters = [...query];
    const scores = documents.map(
      (document) => characters.filter((character) => document.includes(character)).length / characters.length,
    );
    return { scores, tokens: documents.reduce((sum, { length }) => sum + query.length + length, 0) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #record(inputs: readonly EmbeddingInput[]): void {
    this.calls.push(inputs);
    if (this.misfit) throw new UnfitInputError(this.misfit.index, this.misfit.misfit);
    if (this.failure) throw this.failure;
  }
}

async function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) throw new Error('A call without a signal would never end.');
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
}
