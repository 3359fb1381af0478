// Embeddings and ranking on llama.cpp. The library's contexts do both, one input at a time; which special tokens
// stand around a text is decided here, because the library leaves some out.
import {
  type LlamaEmbeddingContext,
  type LlamaModel,
  type LlamaRankingContext,
  LlamaVocabularyType,
} from 'node-llama-cpp';
import {
  type Embedder,
  type EmbeddingAbility,
  type EmbeddingInput,
  type Embeddings,
  type Ranking,
  toEmbeddingAbility,
  toUnitLength,
  UnfitInputError,
} from './embedding-engine.ts';
import { EngineError, type Token } from './engine.ts';
import { LlamaVocabulary, toLlama } from './llama-vocabulary.ts';
import { SlotPool } from './slot-pool.ts';

export interface LlamaEmbedderOptions {
  readonly model: LlamaModel;
  /** Tokens of context; a model trained on fewer gets fewer. */
  readonly contextSize: number;
  readonly threads: number;
  /** Calls that may wait for the one that runs. */
  readonly queueLimit: number;
}

/** Its context is made on first use and goes with the model. */
export class LlamaEmbedder implements Embedder {
  readonly ability: EmbeddingAbility;
  readonly contextSize: number;
  readonly #model: LlamaModel;
  readonly #vocabulary: LlamaVocabulary;
  readonly #specialTokens: SpecialTokens;
  readonly #embedding: () => Promise<LlamaEmbeddingContext>;
  readonly #ranking: () => Promise<LlamaRankingContext>;
  /** One call at a time: each takes all the threads anyway. */
  readonly #turn: SlotPool<'turn'>;
  #disposed = false;

  constructor({ model, contextSize, threads, queueLimit }: LlamaEmbedderOptions) {
    this.ability = findAbility(model);
    this.contextSize = Math.min(contextSize, model.trainContextSize);
    this.#model = model;
    this.#vocabulary = new LlamaVocabulary(model);
    this.#specialTokens = findSpecialTokens(model);
    this.#turn = new SlotPool(['turn'], queueLimit);
    const options = {
      // The library refuses an input that fills a context to the last token.
      contextSize: this.contextSize + 1,
      // It would evaluate a longer input in pieces, and the vector would be that of the last piece.
      batchSize: this.contextSize,
      threads,
      ignoreMemorySafetyChecks: true,
    };
    this.#embedding = onceUnlessFailed(() => model.createEmbeddingContext(options));
    this.#ranking = onceUnlessFailed(() => {
      const template = toPairTemplate(model, this.#specialTokens);
      return model.createRankingContext({ ...options, ...(template !== undefined && { template }) });
    });
  }

  async embed(inputs: readonly EmbeddingInput[], signal?: AbortSignal): Promise<Embeddings> {
    this.#assertPossible('embed');
    const tokenized = inputs.map((input, index) => this.#toTokens(input, index));
    return this.#inTurn(signal, async () => {
      const context = await this.#embedding();
      const vectors: Float32Array[] = [];
      for (const tokens of tokenized) {
        signal?.throwIfAborted();
        const { vector } = await context.getEmbeddingFor(toLlama(tokens));
        vectors.push(toUnitLength(vector));
      }
      return { vectors, tokens: tokenized.reduce((sum, { length }) => sum + length, 0) };
    });
  }

  async rank(query: string, documents: readonly string[], signal?: AbortSignal): Promise<Ranking> {
    this.#assertPossible('rank');
    return this.#inTurn(signal, async () => {
      const context = await this.#ranking();
      const asTokens = (text: string) => toLlama(this.#vocabulary.tokenizeText(text, { special: false }));
      const queryTokens = asTokens(query);
      const pairs = documents.map((document, index) => {
        const tokens = asTokens(document);
        const length = context.calculateInputLength(queryTokens, tokens);
        this.#assertFits(length, index);
        return { tokens, length };
      });
      const scores: number[] = [];
      for (const { tokens } of pairs) {
        signal?.throwIfAborted();
        scores.push(await context.rank(queryTokens, tokens));
      }
      return { scores, tokens: pairs.reduce((sum, { length }) => sum + length, 0) };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // Those asked for before this get their answer: a decode under way must not lose its memory.
    await this.#turn.whenIdle();
  }

  async #inTurn<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const turn = await this.#turn.acquire(() => 0, signal);
    try {
      return await work();
    } finally {
      this.#turn.release(turn);
    }
  }

  #toTokens(input: EmbeddingInput, index: number): readonly Token[] {
    const { size } = this.#vocabulary;
    const given =
      typeof input === 'string' ? this.#vocabulary.tokenizeText(input, { special: false }) : input;
    const unknown = given.find((token) => !(Number.isInteger(token) && token >= 0 && token < size));
    if (unknown !== undefined) {
      throw new UnfitInputError(index, { type: 'unknown-token', token: unknown, vocabularySize: size });
    }
    const { first, last } = this.#specialTokens;
    const before = first !== undefined && given[0] !== first ? [first] : [];
    const after = last !== undefined && given.at(-1) !== last ? [last] : [];
    const tokens = [...before, ...given, ...after];
    if (tokens.length === 0) throw new UnfitInputError(index, { type: 'no-tokens' });
    this.#assertFits(tokens.length, index);
    return tokens;
  }

  #assertFits(tokens: number, index: number): void {
    const { contextSize } = this;
    if (tokens > contextSize) throw new UnfitInputError(index, { type: 'too-long', tokens, contextSize });
  }

  #assertPossible(ability: EmbeddingAbility['type']): void {
    if (this.#disposed || this.#model.disposed) throw new EngineError('The engine is shut down.');
    if (this.ability.type !== ability) throw new EngineError(`This model cannot ${ability}.`);
  }
}

/** The tokens that stand around a text, where the model wants them. */
interface SpecialTokens {
  readonly first: Token | undefined;
  readonly last: Token | undefined;
}

/** As llama.cpp's own tokenizer adds them: the library leaves the first one out for XLM-RoBERTa's vocabulary. */
function findSpecialTokens({ tokens, vocabularyType, fileInfo }: LlamaModel): SpecialTokens {
  const { bos, eos, sep, shouldPrependBosToken, shouldAppendEosToken } = tokens;
  if (vocabularyType === LlamaVocabularyType.wpm) return { first: bos ?? undefined, last: sep ?? undefined };
  const addsEos = fileInfo.metadata.tokenizer.ggml.add_eos_token ?? shouldAppendEosToken;
  return {
    first: (shouldPrependBosToken ? bos : null) ?? undefined,
    last: (addsEos ? eos : null) ?? undefined,
  };
}

/**
 * How a query and a document become one text: `[CLS] query [SEP] document [SEP]`, or with two separators for
 * RoBERTa's kin. The library's own way lacks the last separator of a BERT, or doubles the one between.
 *
 * @returns undefined for a model that brings its own template
 */
function toPairTemplate(
  { tokens, fileInfo, vocabularyType }: LlamaModel,
  { first, last }: SpecialTokens,
): `${string}{{query}}${string}{{document}}${string}` | undefined {
  const metadata: Readonly<Record<string, unknown>> = fileInfo.metadata.tokenizer;
  if (metadata['chat_template.rerank'] !== undefined) return undefined;
  const { add_sep_token: addsSeparator = vocabularyType !== LlamaVocabularyType.wpm } = fileInfo.metadata
    .tokenizer.ggml as { add_sep_token?: boolean };
  const begin = first === undefined ? '' : (tokens.bosString ?? '');
  const end = (last === undefined || last === tokens.eos ? tokens.eosString : null) ?? tokens.sepString ?? '';
  const separator = addsSeparator ? (tokens.sepString ?? '') : '';
  return `${begin}{{query}}${end}${separator}{{document}}${end}`;
}

function findAbility({ fileInfo, fileInsights, embeddingVectorSize }: LlamaModel): EmbeddingAbility {
  const { architecture, tags } = fileInfo.metadata.general as { architecture: string; tags?: unknown };
  return toEmbeddingAbility({
    architecture,
    poolingType: fileInfo.architectureMetadata.pooling_type,
    dimensions: embeddingVectorSize,
    hasClassifier: fileInsights.supportsRanking,
    tags: Array.isArray(tags) ? tags.map(String) : [],
  });
}

/** A failure is not kept: the next call tries again. */
function onceUnlessFailed<Result>(load: () => Promise<Result>): () => Promise<Result> {
  let loaded: Promise<Result> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
