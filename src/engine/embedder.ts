// The engine's port for whole texts: embeddings and rankings as the rest of the code calls them. llama/llama-embedder.ts
// implements it on llama.cpp; tests use a fake.
import type { Token } from './token.ts';

/** A text or its tokens. */
export type EmbeddingInput = string | readonly Token[];

/** What a model was made for, according to its GGUF. */
export type EmbeddingAbility =
  | {
      readonly type: 'embed';
      /** Numbers in an embedding. */
      readonly dimensions: number;
      /** Whether an embedding can be shortened to its first numbers. */
      readonly matryoshka: boolean;
    }
  | { readonly type: 'rank' }
  | { readonly type: 'none'; readonly reason: string };

export interface Embeddings {
  /** One of unit length for each input, in the inputs' order. */
  readonly vectors: readonly Float32Array[];
  /** Evaluated tokens, special tokens included. */
  readonly tokens: number;
}

export interface Ranking {
  /** How relevant each document is, from 0 to 1, in the documents' order. */
  readonly scores: readonly number[];
  /** Evaluated tokens: each document together with the query and special tokens. */
  readonly tokens: number;
}

/** What the caller of an evaluation does meanwhile. */
export interface EvaluationWatch {
  /** Ends the evaluation after the current input. */
  readonly signal?: AbortSignal;
  /** Called with the tokens of each input, or of the query and each document, just before they are evaluated. */
  readonly onTokens?: (tokens: number) => void;
}

export interface Embedder extends AsyncDisposable {
  readonly ability: EmbeddingAbility;
  /** The most tokens of one input, or of the query and one document, special tokens included. */
  readonly contextSize: number;

  /**
   * Makes an embedding of each input. Special tokens that a text spells out stay text. The special tokens that the model wants
   * around an input are added, also to an input of tokens that lacks them.
   *
   * @throws {UnfitInputError} for the first input that cannot be evaluated; no input is evaluated then
   * @throws {EngineError} when the model cannot embed
   * @throws {EngineBusyError} when the queue is full
   * @throws the signal's reason when aborted, after the current input
   */
  embed(inputs: readonly EmbeddingInput[], watch?: EvaluationWatch): Promise<Embeddings>;

  /** Scores how relevant each document is to the query. Throws as {@link embed} does. */
  rank(query: string, documents: readonly string[], watch?: EvaluationWatch): Promise<Ranking>;
}

/** Why an input cannot be evaluated. */
export type Misfit =
  | { readonly type: 'too-long'; readonly tokens: number; readonly contextSize: number }
  | { readonly type: 'unknown-token'; readonly token: Token; readonly vocabularySize: number }
  | { readonly type: 'no-tokens' };

/** An input or a document cannot be evaluated. */
export class UnfitInputError extends Error {
  override readonly name = 'UnfitInputError';
  /** The index of the input or document in the list. */
  readonly index: number;
  readonly misfit: Misfit;

  constructor(index: number, misfit: Misfit) {
    super(`Input ${index} cannot be evaluated: ${misfit.type}.`);
    this.index = index;
    this.misfit = misfit;
  }
}

/** The facts of a GGUF that decide a model's ability. */
export interface EmbeddingFacts {
  /** llama.cpp's name for the architecture, such as `bert`. */
  readonly architecture: string;
  /** `<architecture>.pooling_type`; undefined when the GGUF has no such key. */
  readonly poolingType: number | undefined;
  readonly dimensions: number;
  /** Whether the model has a classifier that llama.cpp can score with. */
  readonly hasClassifier: boolean;
  /** `general.tags`: the tags of the model card. */
  readonly tags: readonly string[];
}

/** Two values of llama.cpp's `enum llama_pooling_type`. */
const noPooling = 0;
const rankPooling = 4;

/**
 * Decides by its GGUF what a model was made for. Any model can produce vectors, but they compare badly when it was not trained
 * for that; llama-server too demands options (`--embeddings --pooling`) for such a model.
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
 * A GGUF has no key for this. Sentence Transformers writes the tag `loss:MatryoshkaLoss` into the card of such a model.
 * https://sbert.net/examples/sentence_transformer/training/matryoshka/README.html
 */
function isMatryoshka(tag: string): boolean {
  return /matryoshka/i.test(tag);
}

/** Scales a vector to length 1; a vector of zeros stays as it is. */
export function toUnitLength(vector: ArrayLike<number>): Float32Array {
  const numbers = Float32Array.from(vector);
  const length = Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? numbers : numbers.map((value) => value / length);
}
