// One sequence of a native context, as the cache, prefill and decode call it. llama/llama-sequence.ts implements it on
// llama.cpp; the unit tests implement it in memory.
import type { StateUpTo } from '../cache/kv-state.ts';
import type { GenerationRequest, ScoredToken, Token } from '../engine.ts';
import type { TreePiece } from './token-tree.ts';

/** Tokens to evaluate together. */
export interface Decode<Result> {
  /** The place of the first token in the sequence. */
  readonly position: number;
  readonly tokens: readonly Token[];
  /** The tokens whose logits are wanted, by their index in `tokens`, rising. */
  readonly outputs: readonly number[];
  /**
   * Reads the logits before the next decode overwrites them.
   *
   * @param outputs - the native numbers of the wanted logits
   */
  read(outputs: Uint32Array): Promise<Result>;
}

/** What a sequence holds natively. It has one writer: a call starts when the one before has ended. */
export interface SequenceMemory {
  /** The most tokens of one decode. */
  readonly longestDecode: number;
  /** Whether no other sequence shares the context, so that logits stay until the next decode of this one. */
  readonly isAlone: boolean;
  /** Whether the last tokens of a decode can be removed as soon as it has ended: those that were guessed wrong. */
  readonly canGuess: boolean;

  /**
   * Evaluates tokens, together with those of other sequences.
   *
   * @throws what `read` throws, or an error when the decode fails; what the sequence holds is then unknown
   */
  decode<Result>(decode: Decode<Result>): Promise<Result>;

  /** Runs `work` while no decode of the context runs. */
  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result>;

  /**
   * Whether {@link removeFrom} can leave the first `length` tokens. It never can on a recurrent model. Behind a sliding window it
   * can while each layer still has the window before them; with a length of 0, while each layer has all tokens.
   * Ask it while the sequence is not decoded.
   *
   * @param end - how many tokens the sequence will hold by then. Default: those that it holds now.
   */
  canGoBack(length: number, end?: number): boolean;

  /**
   * Removes the tokens from a position on. Call it within {@link exclusively} or {@link Decode.read}.
   *
   * @returns false when it cannot
   */
  removeFrom(position: number): boolean;

  /** Removes all tokens. Call it within {@link exclusively}. */
  clear(): void;

  /** Writes the state after `tokens`, which are all that the sequence holds. Call it within {@link exclusively}. */
  saveState(path: string, tokens: readonly Token[]): Promise<void>;

  /**
   * Runs `work`, which changes nothing, while no decode of the context runs. It may be called beside a decode of the same
   * sequence, which then has not begun.
   */
  undisturbed<Result>(work: () => Promise<Result>): Promise<Result>;

  /** Whether {@link readState} can leave the first tokens out. */
  readonly readsParts: boolean;

  /**
   * Copies the state of the tokens from the place `first` on. Call it within {@link undisturbed}.
   *
   * @param first - 0 where the sequence reads no parts
   */
  readState(first: number): Promise<Uint8Array>;

  /**
   * Replaces what the sequence holds by states that were read of a sequence of a context like this one, each of the tokens behind
   * the end of the one before. Call it within {@link exclusively}.
   *
   * @param states - at least one
   * @throws {Error} when a state does not fit; what the sequence holds is then unknown
   */
  writeStates(states: readonly StateUpTo[]): Promise<void>;

  /**
   * Replaces what the sequence holds by a saved state. Call it within {@link exclusively}.
   *
   * @param longest - the most tokens that the state may have
   * @returns the tokens that were saved
   * @throws {Error} when the file does not fit; the sequence is then empty
   */
  loadState(path: string, longest: number): Promise<ArrayLike<Token>>;
}

export interface StepLoopEvents {
  /** Receives each token that a step has evaluated. */
  readonly onEvaluated: (token: Token) => void;
  /** Called when a step failed, so that what the sequence holds is unknown. */
  readonly onFailed: () => void;
}

/** Steps that run one after the other without JavaScript in between: each evaluates the token that the last one chose. */
export interface StepLoop {
  /**
   * Asks for one more step.
   *
   * @throws {Error} when the step fails, or is cancelled, or follows the end of the loop
   */
  step(): Promise<Token>;
  /** Cancels the steps that have not started. */
  stop(): void;
}

/** Chooses the tokens of one generation, and takes each into account for the next ones. */
export interface Sampler extends Disposable {
  /** Chooses the token that follows the logits with this native number. */
  choose(output: number): Promise<Token>;
  /**
   * Opens a loop that evaluates `token` at `position` first.
   *
   * @returns undefined where tokens have to be chosen one by one
   */
  openLoop(position: number, token: Token, events: StepLoopEvents): StepLoop | undefined;
}

export interface NativeSequence<Grammar> extends SequenceMemory {
  /** The most tokens that it holds. */
  readonly contextSize: number;
  /** In how many ways the tokens of {@link scoreTree} may end; 0 where the context cannot evaluate them. */
  readonly mostBranches: number;
  /** The most tokens of a decode whose logits may be wanted when branches are scored. */
  readonly mostOutputs: number;
  /** Resolves when the context's next decode has started. */
  readonly decodeStarted: Promise<void>;
  createSampler(request: GenerationRequest, grammar: Grammar | undefined): Sampler;
  /**
   * Scores a token after the logits with this native number, before any sampling option.
   *
   * @param top - how many of the likeliest tokens to score as well
   */
  score(output: number, token: Token, top: number): Promise<ScoredToken>;
  /** The log-probabilities of tokens after the logits with this native number. */
  scoreTokens(output: number, tokens: readonly Token[]): Promise<ArrayLike<number>>;
  /**
   * Evaluates tokens that go on in several ways from what the sequence holds, and forgets them, also when it fails. Call it within
   * {@link exclusively}.
   *
   * @returns the log-probabilities of the wanted tokens
   */
  scoreTree(piece: TreePiece): Promise<ArrayLike<number>>;
}
