// Embeddings and ranking on llama.cpp, one input at a time.
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Embedder,
  type EmbeddingAbility,
  type EmbeddingInput,
  type Embeddings,
  type EvaluationWatch,
  type Ranking,
  toEmbeddingAbility,
  toUnitLength,
  UnfitInputError,
} from '../embedder.ts';
import { EngineError, type Token } from '../engine.ts';
import { SlotPool } from '../slot-pool.ts';
import type { AddonContext, Inference } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';
import type { LlamaVocabulary } from './llama-vocabulary.ts';

export interface LlamaEmbedderOptions {
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  /** The most tokens of an input; at most what the model was trained with. */
  readonly contextSize: number;
  readonly threads: number;
  /** How many calls may wait. */
  readonly queueLimit: number;
}

interface EmbeddingContext {
  readonly native: AddonContext;
  readonly inference: Inference;
}

/** The first call creates its context. */
export class LlamaEmbedder implements Embedder {
  readonly ability: EmbeddingAbility;
  readonly contextSize: number;
  readonly #model: LlamaModel;
  readonly #vocabulary: LlamaVocabulary;
  readonly #specialTokens: SpecialTokens;
  readonly #threads: number;
  #context: EmbeddingContext | undefined;
  /** Calls run one at a time, because each uses all threads. */
  readonly #turn: SlotPool<'turn'>;
  #disposed = false;

  constructor({ model, vocabulary, contextSize, threads, queueLimit }: LlamaEmbedderOptions) {
    this.ability = findAbility(model, vocabulary);
    this.contextSize = contextSize;
    this.#model = model;
    this.#vocabulary = vocabulary;
    this.#specialTokens = findSpecialTokens(model, vocabulary);
    this.#threads = threads;
    this.#turn = new SlotPool(['turn'], queueLimit);
  }

  async embed(
    inputs: readonly EmbeddingInput[],
    { signal, onTokens }: EvaluationWatch = {},
  ): Promise<Embeddings> {
    this.#assertPossible('embed');
    // A call has its turn from its first await on: then the model is there until it has ended.
    return this.#inTurn(signal, async (context) => {
      const tokenized: (readonly Token[])[] = [];
      for (const [index, input] of inputs.entries()) tokenized.push(await this.#toTokens(input, index));
      const vectors: Float32Array[] = [];
      for (const tokens of tokenized) {
        signal?.throwIfAborted();
        onTokens?.(tokens.length);
        await evaluate(context, tokens);
        vectors.push(toUnitLength(context.native.getEmbedding(tokens.length)));
      }
      return { vectors, tokens: tokenized.reduce((sum, { length }) => sum + length, 0) };
    });
  }

  async rank(
    query: string,
    documents: readonly string[],
    { signal, onTokens }: EvaluationWatch = {},
  ): Promise<Ranking> {
    this.#assertPossible('rank');
    const toPair = this.#pairing();
    const { architecture } = this.#model.facts;
    return this.#inTurn(signal, async (context) => {
      const queryTokens = await this.#tokenize(query);
      const pairs: (readonly Token[])[] = [];
      for (const [index, document] of documents.entries()) {
        const pair = toPair(queryTokens, await this.#tokenize(document));
        this.#assertFits(pair.length, index);
        pairs.push(pair);
      }
      const scores: number[] = [];
      for (const pair of pairs) {
        signal?.throwIfAborted();
        onTokens?.(pair.length);
        await evaluate(context, pair);
        const [score = Number.NaN] = context.native.getEmbedding(pair.length, 1);
        scores.push(givesProbabilities.includes(architecture) ? score : 1 / (1 + Math.exp(-score)));
      }
      return { scores, tokens: pairs.reduce((sum, { length }) => sum + length, 0) };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // A decode must not lose its memory, so earlier calls finish first.
    await this.#turn.whenIdle();
    await this.#context?.inference.dispose();
  }

  async #inTurn<Result>(
    signal: AbortSignal | undefined,
    work: (context: EmbeddingContext) => Promise<Result>,
  ): Promise<Result> {
    const turn = await this.#turn.acquire(() => 0, signal);
    try {
      this.#context ??= await this.#createContext();
      return await work(this.#context);
    } finally {
      this.#turn.release(turn);
    }
  }

  async #createContext(): Promise<EmbeddingContext> {
    const { addon, native, inference } = this.#model;
    const context = new addon.AddonContext(native, {
      contextSize: this.contextSize,
      // An input longer than a batch is evaluated in pieces, and its embedding is that of the last piece.
      batchSize: this.contextSize,
      sequences: 1,
      threads: this.#threads,
      flashAttention: false,
      embeddings: true,
      ranking: this.ability.type === 'rank',
    });
    if (!(await inference.createContext(context)))
      throw new EngineError('llama.cpp cannot make a context for embeddings.');
    return { native: context, inference: new inference.Inference(context, { threads: this.#threads }) };
  }

  /**
   * Returns how a query and a document become one text: by the model's own template, or as `[CLS] query [SEP] document [SEP]`.
   * Models like RoBERTa have two separators between them.
   */
  #pairing(): (query: readonly Token[], document: readonly Token[]) => readonly Token[] {
    const { rerankTemplate, addsSeparator } = this.#model.facts;
    if (rerankTemplate !== null) {
      // It has each placeholder once, in either order.
      const parts = rerankTemplate
        .split(/(\{query\}|\{document\})/)
        .map((part) =>
          part === '{query}' || part === '{document}'
            ? part
            : this.#vocabulary.tokenizeText(part, { special: true }),
        );
      return (query, document) =>
        parts.flatMap((part) => (part === '{query}' ? query : part === '{document}' ? document : part));
    }
    const { separator, hasWordPieces } = this.#vocabulary;
    const { first, last } = this.#specialTokens;
    const begin = first === undefined ? [] : [first];
    const end = [last ?? separator].filter((token) => token !== undefined);
    const between = (addsSeparator ?? !hasWordPieces) && separator !== undefined ? [separator] : [];
    return (query, document) => [...begin, ...query, ...end, ...between, ...document, ...end];
  }

  /** One text of many may be short: between them others have their turn. */
  async #tokenize(text: string): Promise<Token[]> {
    await nextTurn();
    return this.#vocabulary.tokenizeAside(text, { special: false });
  }

  async #toTokens(input: EmbeddingInput, index: number): Promise<readonly Token[]> {
    const { size } = this.#vocabulary;
    const given = typeof input === 'string' ? await this.#tokenize(input) : input;
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
    if (this.#disposed) throw new EngineError('The engine is shut down.');
    if (this.ability.type !== ability) throw new EngineError(`This model cannot ${ability}.`);
  }
}

/** The tokens that the model wants around a text. */
interface SpecialTokens {
  readonly first: Token | undefined;
  readonly last: Token | undefined;
}

/** Finds the tokens that llama.cpp's own tokenizer adds. */
function findSpecialTokens({ native, facts }: LlamaModel, vocabulary: LlamaVocabulary): SpecialTokens {
  const { bos, eos, separator, addsBosToken, hasWordPieces } = vocabulary;
  if (hasWordPieces) return { first: bos, last: separator };
  const addsEosToken = facts.addsEosToken ?? (bos !== undefined && native.shouldAppendEosToken());
  return { first: addsBosToken ? bos : undefined, last: addsEosToken ? eos : undefined };
}

/** Architectures whose pooling in llama.cpp (`build_pooling`) ends in a softmax, so that the score is a probability. */
const givesProbabilities = ['qwen3', 'qwen3vl'];

function findAbility({ native, facts }: LlamaModel, vocabulary: LlamaVocabulary): EmbeddingAbility {
  const { architecture, poolingType, tags, hasClassifier, rerankTemplate } = facts;
  const canPair =
    vocabulary.separator !== undefined || vocabulary.eos !== undefined || rerankTemplate !== null;
  return toEmbeddingAbility({
    architecture,
    poolingType: poolingType ?? undefined,
    dimensions: native.getEmbeddingVectorSize(),
    hasClassifier: hasClassifier && canPair,
    tags,
  });
}

/** Evaluates tokens on the emptied sequence. */
async function evaluate({ native, inference }: EmbeddingContext, tokens: readonly Token[]): Promise<void> {
  native.disposeSequence(0);
  native.initBatch(tokens.length);
  native.addToBatch(0, 0, Uint32Array.from(tokens), Uint32Array.from(tokens.keys()));
  await inference.decode();
}
