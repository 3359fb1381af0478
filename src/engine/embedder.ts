// What a model can do with whole texts, as the rest of the code sees it: vectors to compare, or scores of relevance.
// One implementation runs it on llama.cpp (llama-embedder.ts); tests bring a fake.
import type { Token } from './token.ts';

/** A text, or the tokens that a caller made of one. */
export type EmbeddingInput = string | readonly Token[];

/** What a model is made for, by its GGUF. */
export type EmbeddingAbility =
  | {
      readonly type: 'embed';
      /** Numbers in a vector. */
      readonly dimensions: number;
      /** Whether the first of a vector's numbers are a vector too, so that it may be cut. */
      readonly matryoshka: boolean;
    }
  | { readonly type: 'rank' }
  | { readonly type: 'none'; readonly reason: string };

export interface Embeddings {
  /** One for each input, in their order, of unit length. */
  readonly vectors: readonly Float32Array[];
  /** Tokens evaluated, special tokens included. */
  readonly tokens: number;
}

export interface Ranking {
  /** How likely each document is relevant, from 0 to 1, in the documents' order. */
  readonly scores: readonly number[];
  /** Tokens evaluated: each document with the query and special tokens. */
  readonly tokens: number;
}

export interface Embedder extends AsyncDisposable {
  readonly ability: EmbeddingAbility;
  /** Tokens that one input, or the query and one document, may have with their special tokens. */
  readonly contextSize: number;

  /**
   * Makes a vector of each input. Special tokens written in a text are read as text; those that the model wants
   * around it are added, also to tokens that come without.
   *
   * @throws {UnfitInputError} for the first input that cannot be evaluated, before any is
   * @throws {EngineError} when the model cannot embed
   * @throws {EngineBusyError} when too many calls wait already
   * @throws the signal's reason when aborted, after the input that is being evaluated
   */
  embed(inputs: readonly EmbeddingInput[], signal?: AbortSignal): Promise<Embeddings>;

  /**
   * Scores each document's relevance for the query. Throws as {@link embed} does.
   */
  rank(query: string, documents: readonly string[], signal?: AbortSignal): Promise<Ranking>;
}

/** Why an input cannot be evaluated. */
export type Misfit =
  | { readonly type: 'too-long'; readonly tokens: number; readonly contextSize: number }
  | { readonly type: 'unknown-token'; readonly token: Token; readonly vocabularySize: number }
  | { readonly type: 'no-tokens' };

/** One of the inputs, or of the documents, is outside what the model takes. */
export class UnfitInputError extends Error {
  override readonly name = 'UnfitInputError';
  /** The input's or the document's place in the list. */
  readonly index: number;
  readonly misfit: Misfit;

  constructor(index: number, misfit: Misfit) {
    super(`Input ${index} cannot be evaluated: ${misfit.type}.`);
    this.index = index;
    this.misfit = misfit;
  }
}

/** What a GGUF tells of a model, as far as it decides its ability. */
export interface EmbeddingFacts {
  /** llama.cpp's name of the architecture, such as `bert`. */
  readonly architecture: string;
  /** `<architecture>.pooling_type`, where there is one. */
  readonly poolingType: number | undefined;
  readonly dimensions: number;
  /** Whether there is a classifier that the library can score with. */
  readonly hasClassifier: boolean;
  /** `general.tags`: those of the model card that it was converted with. */
  readonly tags: readonly string[];
}

/** llama.cpp's `enum llama_pooling_type`, where it matters here. */
const noPooling = 0;
const rankPooling = 4;

/**
 * Decides by its GGUF what a model is made for. Every model could be made to give vectors, but those of one that was
 * not trained for it compare badly; llama-server too wants to be told (`--embeddings --pooling`) for such a model.
 */
export function toEmbeddingAbility(facts: EmbeddingFacts): EmbeddingAbility {
  const { architecture, poolingType, dimensions, hasClassifier, tags } = facts;
  const key = `${architecture}.pooling_type`;
  if (poolingType === undefined || poolingType === noPooling) {
    const said = poolingType === undefined ? `does not have '${key}'` : `has '${key}' 0 (none)`;
    return { type: 'none', reason: `its GGUF ${said}, so it is not made to give one vector for a text` };
  }
  if (poolingType !== rankPooling) return { type: 'embed', dimensions, matryoshka: tags.some(isMatryoshka) };
  if (hasClassifier) return { type: 'rank' };
  return { type: 'none', reason: `its GGUF has '${key}' 4 (rank), but no classifier to score with` };
}

/**
 * A GGUF has no key for it, but the card's tags: Sentence Transformers writes `loss:MatryoshkaLoss` into the card of
 * what was trained so. https://sbert.net/examples/sentence_transformer/training/matryoshka/README.html
 */
function isMatryoshka(tag: string): boolean {
  return /matryoshka/i.test(tag);
}

/** A vector of the same direction and of length 1; one of zeros stays as it is. */
export function toUnitLength(vector: ArrayLike<number>): Float32Array {
  const numbers = Float32Array.from(vector);
  const length = Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? numbers : numbers.map((value) => value / length);
}
