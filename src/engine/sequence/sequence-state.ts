// The tokens that one sequence holds in llama.cpp's KV cache. Whatever changes the native sequence goes through here, so
// that this list and the native one stay the same.
import type { HeldTokens } from '../cache/conversation-cache.ts';
import type { StateUpTo } from '../cache/kv-state.ts';
import type { CacheRule, Token } from '../engine.ts';
import { toWholeBlocks } from '../prompt/prompt-chunks.ts';
import type { Decode, SequenceMemory } from './native-sequence.ts';

type Evaluation<Result> = Omit<Decode<Result>, 'position'>;

/** A copy of a state. */
interface ReadState {
  readonly held: HeldTokens;
  /** Whether it is the state after all of the tokens. */
  readonly isComplete: boolean;
  readonly state: Uint8Array;
}

export class SequenceState {
  readonly #memory: SequenceMemory;
  /** Whose requests may reuse the tokens. Undefined: all. */
  scope: string | undefined;
  #tokens: Token[] = [];
  #prefilled = 0;
  #logits: number | undefined;
  /** Whether tokens are being evaluated, which the native sequence may not hold yet. */
  #isEvaluating = false;
  /** Whether a decode failed, so that nobody knows what llama.cpp holds. */
  #isLost = false;

  constructor(memory: SequenceMemory) {
    this.#memory = memory;
  }

  get length(): number {
    return this.#tokens.length;
  }

  /** The tokens that may be reused: none after a decode that failed. */
  get tokens(): readonly Token[] {
    return this.#isLost ? [] : this.#tokens;
  }

  /** How many of the tokens were evaluated as a cold start would: llama.cpp rounds other pieces differently. */
  get prefilled(): number {
    return this.#prefilled;
  }

  /** Whether the logits of the last token can still be read. */
  get hasLogits(): boolean {
    return this.#logits !== undefined;
  }

  /**
   * Evaluates tokens behind those that it holds.
   *
   * @throws what `read` throws, or an error when the decode fails; nothing that it holds is then reused
   */
  async evaluate<Result>({ tokens, outputs, read }: Evaluation<Result>): Promise<Result> {
    const position = this.#tokens.length;
    this.#tokens.push(...tokens);
    this.#logits = undefined;
    this.#isEvaluating = true;
    try {
      return await this.#memory.decode({
        position,
        tokens,
        outputs,
        read: (numbers) => {
          // A decode of another sequence in the context overwrites them.
          if (this.#memory.isAlone && outputs.at(-1) === tokens.length - 1) this.#logits = numbers.at(-1);
          return read(numbers);
        },
      });
    } catch (error) {
      this.invalidate();
      throw error;
    } finally {
      this.#isEvaluating = false;
    }
  }

  /** Evaluates tokens of a prompt, as {@link evaluate} does, in the pieces that a cold start would evaluate. */
  async evaluatePrompt<Result>(evaluation: Evaluation<Result>): Promise<Result> {
    const isExactSoFar = this.#prefilled === this.#tokens.length;
    const result = await this.evaluate(evaluation);
    if (isExactSoFar) this.#prefilled = this.#tokens.length;
    return result;
  }

  /**
   * Reads the logits of the last token while no decode overwrites them.
   *
   * @throws {Error} when they are gone
   */
  async readLogits<Result>(read: (output: number) => Promise<Result>): Promise<Result> {
    const logits = this.#logits;
    if (logits === undefined) throw new Error('The logits of the last token are gone.');
    return this.#memory.exclusively(() => read(logits));
  }

  /** Evaluates tokens that go on from what it holds, and are forgotten. */
  async fork<Result>(evaluate: () => Promise<Result>): Promise<Result> {
    return this.#memory.exclusively(() => {
      this.#logits = undefined;
      return evaluate();
    });
  }

  /**
   * Removes the last tokens. Call it within `read` of an evaluation.
   *
   * @param output - the native number of the logits of the last token that stays
   */
  removeLast(count: number, output: number | undefined): void {
    if (count === 0) return;
    const end = this.#tokens.length - count;
    this.#memory.removeFrom(end);
    this.#tokens.length = end;
    this.#logits = this.#memory.isAlone ? output : undefined;
  }

  /** A native loop has evaluated a token, and has overwritten the logits. */
  append(token: Token): void {
    this.#tokens.push(token);
    this.#logits = undefined;
  }

  /** A decode failed: nothing that it holds is reused. */
  invalidate(): void {
    this.#isLost = true;
    this.#prefilled = 0;
    this.#logits = undefined;
  }

  /**
   * Keeps the first tokens; none when the model cannot forget the others, or when a decode failed.
   *
   * @param rule - what chose the length: only the exact rule cuts where a cold start does
   */
  async truncate(length: number, rule: CacheRule = 'exact'): Promise<void> {
    if (length === this.#tokens.length && !this.#isLost) return;
    await this.#memory.exclusively(() => {
      if (length > 0 && !this.#isLost && this.#memory.removeFrom(length)) {
        this.#tokens.length = length;
        const exact = rule === 'exact' ? length : toWholeBlocks(length);
        this.#prefilled = Math.min(exact, this.#prefilled);
        this.#logits = undefined;
      } else {
        this.#memory.clear();
        this.#reset([]);
      }
    });
  }

  /**
   * Copies the state, with the tokens that it holds: the state lacks the last ones while they are evaluated.
   *
   * @param first - of the tokens behind the first ones alone, where the native sequence reads parts. Default: 0, all
   * @returns undefined when it holds nothing, or nobody knows what
   */
  async read(first = 0): Promise<ReadState | undefined> {
    return this.#memory.undisturbed(async () => {
      if (this.#isLost || this.#tokens.length === 0) return undefined;
      const held = { tokens: [...this.#tokens], prefilled: this.#prefilled };
      const isComplete = !this.#isEvaluating;
      return { held, isComplete, state: await this.#memory.readState(first) };
    });
  }

  /**
   * Replaces what it holds by states that were read, each of the tokens behind the one before.
   *
   * @throws {Error} when a state does not fit; the sequence is then empty
   */
  async write({ tokens, prefilled }: HeldTokens, states: readonly StateUpTo[]): Promise<void> {
    this.#reset([]);
    await this.#memory.exclusively(async () => {
      try {
        await this.#memory.writeStates(states);
      } catch (error) {
        this.#memory.clear();
        throw error;
      }
    });
    this.#reset([...tokens]);
    this.#prefilled = Math.min(prefilled, tokens.length);
  }

  /** Writes the state after all its tokens to a file. */
  async save(path: string): Promise<void> {
    await this.#memory.exclusively(() => this.#memory.saveState(path, this.#tokens));
  }

  /**
   * Replaces what it holds by a saved state.
   *
   * @throws {Error} when the file cannot be loaded, or holds other tokens; the sequence is then empty
   */
  async load(path: string, expected: readonly Token[]): Promise<void> {
    const { length } = expected;
    this.#reset([]);
    try {
      const tokens = await this.#memory.exclusively(() => this.#memory.loadState(path, length));
      if (tokens.length !== length || !expected.every((token, index) => token === tokens[index]))
        throw new Error('it holds other tokens');
    } catch (error) {
      await this.#memory.exclusively(() => this.#memory.clear());
      throw error;
    }
    this.#reset([...expected]);
  }

  #reset(tokens: Token[]): void {
    this.#tokens = tokens;
    this.#prefilled = tokens.length;
    this.#logits = undefined;
    this.#isLost = false;
  }
}
