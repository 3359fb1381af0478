// A context of llama.cpp, whose sequences share its decodes: whatever is asked for by the time that one ends goes into
// the next together.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KvType, Token } from '../engine.ts';
import { toBatchSize } from '../sequence/step-size.ts';
import type { AddonContext, Inference } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';
import { toCells, toWindowCells } from './memory/memory-need.ts';
import type { WindowRing } from './window-ring.ts';

export interface LlamaContextOptions {
  /** Tokens that each sequence holds. */
  readonly contextSize: number;
  readonly sequences: number;
  /** The most tokens of one step. */
  readonly longestStep: number;
  readonly threads: number;
  /** Whether fewer threads decode while other processes keep the processors busy. Default: false. */
  readonly adaptsThreads?: boolean | undefined;
  /** A tenth faster without a difference in quality, but its logits are others to the first decimal. */
  readonly flashAttention: boolean;
  /** What keys and values are kept as. Default f16; less takes flash attention. */
  readonly kvType?: KvType;
}

/** As ggml numbers its types. */
const ggmlTypes = { f16: 1, q8_0: 8 } as const satisfies Record<KvType, number>;

/** llama.cpp's `LLAMA_MAX_SEQ`. */
const sequenceLimit = 256;

/** Architectures whose memory in llama.cpp has parts of each sequence's own, beside the cells. */
const copiesOnlyWhole: readonly string[] = ['deepseek4'];

type ContextLimits = Pick<
  LlamaContext,
  'contextSize' | 'sequences' | 'longestStep' | 'mostBranches' | 'windowRing'
>;

/** Tokens of one sequence to evaluate together. */
export interface Step<Result> {
  readonly sequence: number;
  /** Where in the sequence the first of them stands. */
  readonly position: number;
  readonly tokens: readonly Token[];
  /** Those whose logits are wanted, by their place among the tokens, in order. */
  readonly outputs: readonly number[];
  /**
   * Reads what is wanted, before the next decode overwrites it.
   *
   * @param outputs - the native numbers of `outputs`
   */
  read(outputs: Uint32Array): Promise<Result>;
}

/** A step that waits for its decode. */
interface Waiting {
  readonly step: Step<unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export class LlamaContext {
  readonly native: AddonContext;
  readonly inference: Inference;
  /** How many share it. */
  readonly sequences: number;
  /** Tokens that each sequence holds. */
  readonly contextSize: number;
  /** In how many ways tokens may go on from those of a sequence in one batch; 0 is in none. */
  readonly mostBranches: number;
  /** The most tokens of one step. */
  readonly longestStep: number;
  /** Where layers that see only a sliding window have fewer cells than the context has tokens. */
  readonly windowRing: WindowRing | undefined;
  #waiting: Waiting[] = [];
  /** What may not happen while a decode runs. */
  #between: (() => Promise<void>)[] = [];
  /** Resolved when the next decode has begun. */
  #started = Promise.withResolvers<void>();
  /** Whether a loop takes what waits. */
  #busy = false;
  #idle = Promise.resolve();

  private constructor(
    native: AddonContext,
    inference: Inference,
    { contextSize, sequences, longestStep, mostBranches, windowRing }: ContextLimits,
  ) {
    this.native = native;
    this.inference = inference;
    this.contextSize = contextSize;
    this.mostBranches = mostBranches;
    this.sequences = sequences;
    this.longestStep = longestStep;
    this.windowRing = windowRing;
  }

  /** Whether other sequences beside those that generate share their cells. */
  get sharesCells(): boolean {
    return this.mostBranches > 0;
  }

  /** @throws {Error} when there is not enough memory */
  static async create(
    { addon, native, inference, canForget, facts }: LlamaModel,
    options: LlamaContextOptions,
  ): Promise<LlamaContext> {
    const {
      contextSize,
      sequences,
      longestStep,
      threads,
      adaptsThreads,
      flashAttention,
      kvType = 'f16',
    } = options;
    const batchSize = toBatchSize(options);
    const windowRing = findWindowRing(facts, { contextSize, batchSize });
    const context = new addon.AddonContext(native, {
      contextSize: toCells(contextSize) * sequences,
      batchSize,
      sequences,
      threads,
      flashAttention,
      kvCacheKeyType: ggmlTypes[kvType],
      kvCacheValueType: ggmlTypes[kvType],
      swaFullCache: windowRing === undefined,
    });
    // In one pool, layers with a window have as many windows as there may be sequences.
    const canShare = canForget && windowRing === undefined && !copiesOnlyWhole.includes(facts.architecture);
    const shares = sequences === 1 && canShare;
    if (shares) inference.shareCells(context);
    if (!(await inference.createContext(context))) throw new Error('llama.cpp cannot make a context');
    const adapting = { threads, adapts: adaptsThreads ?? false };
    return new LlamaContext(context, new inference.Inference(context, adapting), {
      ...{ contextSize, sequences, longestStep, windowRing },
      mostBranches: shares ? sequenceLimit - sequences : 0,
    });
  }

  /**
   * Evaluates a step with those of other sequences, and resolves with what it read. A sequence has one at a time.
   *
   * @throws what `read` throws, or an error when llama.cpp fails; the sequence's state is then unknown
   */
  decode<Result>(step: Step<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ step, resolve: (result) => resolve(result as Result), reject });
      this.#start();
    });
  }

  /** Resolves when the next decode has begun: what is done then costs it no time, where there is a processor left. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /**
   * Does something to the context's memory while no step is taken here. The native loop's are not: whose it is, the only
   * sequence, asks for nothing else until they have ended.
   */
  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#between.push(async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      });
      this.#start();
    });
  }

  /** What was asked for before this is done first. */
  async dispose(): Promise<void> {
    await this.#idle;
    await this.inference.dispose();
  }

  #start(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#idle = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#between.length > 0) {
      for (const work of this.#between.splice(0)) await work();
      // The sequences that were just served ask for their next steps in this turn.
      await nextTurn();
      if (this.#waiting.length > 0) await this.#decodeTogether(this.#takeBatch());
    }
    this.#busy = false;
  }

  /** Single tokens first, so that no prompt holds a text up; then pieces of prompts by age, as many as there is room for. */
  #takeBatch(): Waiting[] {
    const isToken = ({ step }: Waiting) => step.tokens.length === 1;
    const byAge = [...this.#waiting.filter(isToken), ...this.#waiting.filter((waiting) => !isToken(waiting))];
    let room = toBatchSize(this);
    const batch = new Set<Waiting>();
    for (const waiting of byAge) {
      const { length } = waiting.step.tokens;
      if (length > room) continue;
      room -= length;
      batch.add(waiting);
    }
    this.#waiting = this.#waiting.filter((waiting) => !batch.has(waiting));
    // llama.cpp evaluates sequences together only where their numbers rise without a gap.
    return [...batch].sort((one, other) => one.step.sequence - other.step.sequence);
  }

  #tellStarted(): void {
    this.#started.resolve();
    this.#started = Promise.withResolvers();
  }

  async #decodeTogether(batch: readonly Waiting[]): Promise<void> {
    let outputs: Uint32Array[];
    try {
      this.native.initBatch(batch.reduce((sum, { step }) => sum + step.tokens.length, 0));
      outputs = batch.map(({ step }) =>
        this.native.addToBatch(
          step.sequence,
          step.position,
          Uint32Array.from(step.tokens),
          Uint32Array.from(step.outputs),
        ),
      );
      const decoded = this.inference.decode();
      this.#tellStarted();
      await decoded;
    } catch (error) {
      // Also of a batch that never began: whoever waits for it goes on, and is told.
      this.#tellStarted();
      for (const { reject } of batch) reject(error);
      // Nobody may read what the sequences hold before they know that it is lost.
      await nextTurn();
      return;
    }
    await Promise.all(
      batch.map(async ({ step, resolve, reject }, index) => {
        try {
          resolve(await step.read(outputs[index] ?? new Uint32Array()));
        } catch (error) {
          reject(error);
        }
      }),
    );
  }
}

function findWindowRing(
  facts: LlamaModel['facts'],
  shape: { readonly contextSize: number; readonly batchSize: number },
): WindowRing | undefined {
  const { slidingWindow } = facts;
  const cells = toWindowCells(facts, shape);
  if (slidingWindow === null || cells === toCells(shape.contextSize)) return undefined;
  return { window: slidingWindow, cells };
}
