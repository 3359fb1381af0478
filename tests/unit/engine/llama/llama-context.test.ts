import { describe, expect, it } from 'vitest';
import { LlamaContext, type Step } from '../../../../src/engine/llama/llama-context.ts';
import type { LlamaModel } from '../../../../src/engine/llama/llama-model.ts';
import type { GgufFacts } from '../../../../src/model/gguf-facts.ts';

interface NativeOptions {
  readonly batchSize: number;
  readonly contextSize: number;
  readonly swaFullCache: boolean;
}

/** A native context and its inference: it notes its batches, and its decodes end when they are told to. */
class FakeNative {
  readonly batches: { sequence: number; tokens: number[] }[][] = [];
  readonly events: string[] = [];
  options: NativeOptions | undefined;
  /** Whether the sequences share their cells. */
  shares = false;
  #started = Promise.withResolvers<void>();
  #ended = Promise.withResolvers<void>();
  /** What the next decode fails with. */
  failure: Error | undefined;

  readonly dispose = async () => void this.events.push('disposed');

  initBatch(): void {
    this.batches.push([]);
  }

  addToBatch(sequence: number, _position: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array {
    const batch = this.batches.at(-1) ?? [];
    const before = batch.reduce((sum, each) => sum + each.tokens.length, 0);
    batch.push({ sequence, tokens: [...tokens] });
    return outputs.map((output) => before + output);
  }

  async decode(): Promise<void> {
    this.events.push('decode');
    this.#started.resolve();
    await this.#ended.promise;
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    this.events.push('decoded');
  }

  /** Waits for a decode to begin. */
  async decoding(): Promise<void> {
    await this.#started.promise;
    this.#started = Promise.withResolvers();
  }

  /** Ends the decode that runs. */
  end(): void {
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }
}

const noWindow = { architecture: 'llama', slidingWindow: null };

async function createContext({
  sequences = 8,
  longestStep = 4,
  contextSize = 300,
  facts = noWindow as Pick<GgufFacts, 'architecture' | 'slidingWindow'>,
} = {}) {
  const native = new FakeNative();
  const AddonContext = class {
    constructor(_model: object, options: NativeOptions) {
      native.options = options;
      // biome-ignore lint/correctness/noConstructorReturn: it stands for the native class.
      return native as unknown as this;
    }
  };
  const Inference = class {
    constructor() {
      // biome-ignore lint/correctness/noConstructorReturn: it stands for the native class.
      return native as unknown as this;
    }
  };
  const shareCells = () => {
    native.shares = true;
  };
  const inference = { Inference, shareCells, createContext: async () => true };
  const parts = { addon: { AddonContext }, inference, native: {}, canForget: true, facts };
  const model = parts as unknown as LlamaModel;
  const context = await LlamaContext.create(model, {
    contextSize,
    sequences,
    longestStep,
    threads: 1,
    flashAttention: true,
  });
  return { native, context };
}

function stepOf(sequence: number, ...tokens: number[]): Step<number[]> {
  return {
    sequence,
    position: 0,
    tokens,
    outputs: [tokens.length - 1],
    read: async (outputs) => [...outputs],
  };
}

describe('a context', () => {
  it('decodes together what is asked for in one turn, in the order of the sequences', async () => {
    const { native, context } = await createContext();
    const reads = [2, 0, 1].map((sequence) => context.decode(stepOf(sequence, 10 + sequence)));
    await native.decoding();
    native.end();

    expect(await Promise.all(reads)).toEqual([[2], [0], [1]]);
    expect(native.batches).toEqual([
      [
        { sequence: 0, tokens: [10] },
        { sequence: 1, tokens: [11] },
        { sequence: 2, tokens: [12] },
      ],
    ]);
  });

  it('lets a token go before a piece of a prompt, and pieces by their age, whole', async () => {
    const { native, context } = await createContext({ sequences: 4 });
    const steps = [stepOf(3, 1, 2, 3, 4), stepOf(2, 5, 6, 7, 8), stepOf(1, 9), stepOf(0, 10, 11)];
    const reads = steps.map((step) => context.decode(step));
    await native.decoding();
    native.end();
    await native.decoding();
    native.end();
    await Promise.all(reads);

    // Seven fit: the token, the oldest piece, and the youngest, for which there is still room.
    expect(native.options?.batchSize).toBe(7);
    expect(native.batches.map((batch) => batch.map(({ sequence }) => sequence))).toEqual([[0, 1, 3], [2]]);
  });

  it('takes what comes while it decodes into the next decode', async () => {
    const { native, context } = await createContext();
    const first = context.decode(stepOf(0, 1));
    await native.decoding();
    const others = [context.decode(stepOf(1, 2)), context.decode(stepOf(2, 3))];
    native.end();
    await first;
    const again = context.decode(stepOf(0, 4));
    await native.decoding();
    native.end();
    await Promise.all([...others, again]);

    expect(native.batches.map((batch) => batch.map(({ sequence }) => sequence))).toEqual([[0], [0, 1, 2]]);
  });

  it('is left alone while something is done to its memory, and the other way round', async () => {
    const { native, context } = await createContext();
    const decoded = context.decode(stepOf(0, 1));
    await native.decoding();
    const gate = Promise.withResolvers<void>();
    const done = context.exclusively(async () => {
      native.events.push('begin');
      await gate.promise;
      native.events.push('end');
      return 7;
    });
    const next = context.decode(stepOf(1, 2));
    native.end();
    await decoded;
    gate.resolve();
    await native.decoding();
    native.end();

    expect(await done).toBe(7);
    await next;
    expect(native.events).toEqual(['decode', 'decoded', 'begin', 'end', 'decode', 'decoded']);
  });

  it('tells all of a batch when llama.cpp fails, and goes on', async () => {
    const { native, context } = await createContext();
    native.failure = new Error('Eval has failed');
    const reads = [0, 1].map((sequence) => context.decode(stepOf(sequence, 1)));
    const outcomes = Promise.allSettled(reads);
    await native.decoding();
    native.end();

    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = context.decode(stepOf(0, 1));
    await native.decoding();
    native.end();
    expect(await next).toEqual([0]);
  });

  it('tells only the one whose reading fails', async () => {
    const { native, context } = await createContext();
    const failing = { ...stepOf(0, 1), read: () => Promise.reject(new Error('no token')) };
    const outcomes = Promise.allSettled([context.decode(failing), context.decode(stepOf(1, 2))]);
    await native.decoding();
    native.end();

    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('does what was asked for before it goes', async () => {
    const { native, context } = await createContext();
    const decoded = context.decode(stepOf(0, 1));
    const disposed = context.dispose();
    await native.decoding();
    native.end();
    await Promise.all([decoded, disposed]);

    expect(native.events).toEqual(['decode', 'decoded', 'disposed']);
  });

  it('has whole pages of cells for each sequence', async () => {
    const { native } = await createContext({ sequences: 3 });

    expect(native.options?.contextSize).toBe(3 * 512);
  });
});

describe('a context of a model with a sliding window', () => {
  const gemma = { architecture: 'gemma3', slidingWindow: 512 };

  it.each([
    ['has a ring of the window and a step, and no shared cells', 4096, gemma, { window: 512, cells: 1024 }],
    ['keeps all where the ring would be no smaller', 1024, gemma, undefined],
    [
      'keeps all where llama.cpp may not know the window',
      4096,
      { ...gemma, architecture: 'phi3' },
      undefined,
    ],
  ])('%s', async (_, contextSize, facts, ring) => {
    const { native, context } = await createContext({ sequences: 1, longestStep: 500, contextSize, facts });

    expect(context.windowRing).toEqual(ring);
    expect(native.options?.swaFullCache).toBe(ring === undefined);
    expect([native.shares, context.mostBranches > 0]).toEqual([ring === undefined, ring === undefined]);
  });
});
