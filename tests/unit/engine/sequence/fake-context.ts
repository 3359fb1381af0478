// A native context in memory. Its model chooses each token by all tokens before it, so that a wrong state gives a wrong text.
// A call that llama.cpp would refuse or misunderstand throws, and is listed as a violation.
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseKvState, type StateUpTo, writeKvState } from '../../../../src/engine/cache/kv-state.ts';
import type { ScoredToken, Token } from '../../../../src/engine/engine.ts';
import type { HeldPositions, WindowRing } from '../../../../src/engine/llama/window-ring.ts';
import type { Decode } from '../../../../src/engine/sequence/native-sequence.ts';
import type { TreePiece } from '../../../../src/engine/sequence/token-tree.ts';
import type { FakeClock } from './fake-clock.ts';
import { FakeRing } from './fake-ring.ts';

export interface FakeContextOptions {
  readonly clock: FakeClock;
  /** Default: 1. */
  readonly sequences?: number;
  /** The most tokens of one decode. Default: 512. */
  readonly longestDecode?: number;
  /** Default: true. */
  readonly canForget?: boolean;
  /** Whether some layers see only a sliding window, and have no cells for more. Default: no. */
  readonly windowRing?: WindowRing | undefined;
  /** The most tokens that a sequence holds. Default: 8192. */
  readonly contextSize?: number;
  /** In how many ways a tree may end. Default: 0. */
  readonly mostBranches?: number;
  /** Of how many tokens of a decode the logits may be wanted when branches are scored. Default: all. */
  readonly mostOutputs?: number;
  /** The likeliest token behind others. Default: {@link hashNext}. */
  readonly next?: (tokens: readonly Token[]) => Token;
  /** How long a decode of so many tokens takes, in milliseconds. Default: 1 each. */
  readonly decodeMs?: (tokens: number) => number;
}

export interface FakeDecode {
  /** The number of decodes before it. */
  readonly index: number;
  readonly sequence: number;
  readonly tokens: readonly Token[];
  /** Whether it is a step of a native loop. */
  readonly isLoop: boolean;
}

/** The kind of call that a sequence runs. */
type Activity = 'decode' | 'exclusive' | 'loop';

export const endToken = 0;
const vocabularySize = 27;

/** Any token except the one that ends a text. */
function hashNext(tokens: readonly Token[]): Token {
  return 1 + (hash(tokens) % (vocabularySize - 1));
}

/** FNV-1a. */
export function hash(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => Math.imul(sum ^ number, 0x0100_0193) >>> 0, 0x811c_9dc5) >>> 7;
}

/**
 * A state in llama.cpp's layout, of the tokens from a place on. The row of a token tells the tokens before it, so that rows of other
 * texts are noticed.
 */
function toState(tokens: readonly Token[], streams: number, first: number): Uint8Array {
  const rows = Buffer.alloc((tokens.length - first) * 8);
  for (const [index, token] of tokens.slice(first).entries()) {
    rows.writeUInt32LE(token, index * 8);
    rows.writeUInt32LE(hash(tokens.slice(0, first + index + 1)), index * 8 + 4);
  }
  const shape = { streams, layers: 1, parts: [{ type: 1, rowBytes: 8 }] };
  return writeKvState(shape, first, tokens.length - first, () => [rows]).bytes;
}

/** The tokens of states; undefined when they do not follow each other, or their rows are not all of one text. */
function tokensOfStates(states: readonly StateUpTo[]): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (const { bytes, end } of states) {
    const state = parseKvState(bytes);
    const start = state?.starts[0] ?? 0;
    if (state?.first !== tokens.length || state.first + state.tokens < end) return undefined;
    const rows = Buffer.from(bytes.subarray(start, start + 8 * (end - state.first)));
    for (let offset = 0; offset < rows.length; offset += 8) {
      tokens.push(rows.readUInt32LE(offset));
      if (rows.readUInt32LE(offset + 4) !== hash(tokens)) return undefined;
    }
  }
  return tokens;
}

export class FakeContext {
  readonly clock: FakeClock;
  readonly sequences: number;
  readonly longestDecode: number;
  readonly canForget: boolean;
  readonly windowRing: WindowRing | undefined;
  readonly contextSize: number;
  readonly mostBranches: number;
  readonly mostOutputs: number;
  readonly next: (tokens: readonly Token[]) => Token;
  readonly violations: string[] = [];
  /** Samplers that are not disposed of. */
  samplers = 0;
  /** The decodes that have started, oldest first. */
  readonly decodes: FakeDecode[] = [];
  /** Called when a decode starts. The decode waits for its promise, and fails with its error. */
  onDecode: (decode: FakeDecode) => unknown = () => {};
  /** Called when a state is written; what it throws makes the write fail. */
  onWrite: () => void = () => {};
  readonly #decodeMs: (tokens: number) => number;
  readonly #held: Token[][];
  readonly #rings: readonly FakeRing[];
  /** The sequences whose last decode failed. */
  readonly #unknown = new Set<number>();
  readonly #activities = new Map<number, { readonly activity: Activity; count: number }>();
  /** By output, the tokens up to and including its own. */
  #outputs = new Map<number, readonly Token[]>();
  #nextOutput = 0;
  #started = Promise.withResolvers<void>();
  #queue: Promise<unknown> = Promise.resolve();
  #isExclusive = false;
  #reading: number | undefined;

  constructor(options: FakeContextOptions) {
    const { clock, sequences = 1, longestDecode = 512, canForget = true } = options;
    const { contextSize = 8192, mostBranches = 0, mostOutputs = Number.POSITIVE_INFINITY } = options;
    this.contextSize = contextSize;
    this.mostBranches = mostBranches;
    this.mostOutputs = mostOutputs;
    this.clock = clock;
    this.sequences = sequences;
    this.longestDecode = longestDecode;
    this.canForget = canForget;
    const { windowRing } = options;
    this.windowRing = windowRing;
    this.#rings =
      windowRing === undefined ? [] : Array.from({ length: sequences }, () => new FakeRing(windowRing));
    this.next = options.next ?? hashNext;
    this.#decodeMs = options.decodeMs ?? ((tokens) => tokens);
    this.#held = Array.from({ length: sequences }, () => []);
  }

  /** The number of tokens that all sequences have evaluated. */
  get evaluated(): number {
    return this.decodes.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  /** The number of sequences with unfinished calls. */
  get busy(): number {
    return this.#activities.size;
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** The tokens of a sequence that each layer has. */
  positionsOf(sequence: number): HeldPositions {
    return this.#rings[sequence]?.held ?? { first: 0, end: this.#heldBy(sequence).length };
  }

  heldBy(sequence: number): readonly Token[] {
    return this.#heldBy(sequence);
  }

  assert(condition: boolean, violation: string): asserts condition {
    if (condition) return;
    this.violations.push(violation);
    throw new Error(`Violation: ${violation}`);
  }

  decode<Result>(sequence: number, { position, tokens, outputs, read }: Decode<Result>): Promise<Result> {
    this.#heldBy(sequence);
    this.assert(
      tokens.length > 0 && tokens.length <= this.longestDecode,
      `a decode of ${tokens.length} tokens`,
    );
    this.assert(
      outputs.every((output, index) => output < tokens.length && output > (outputs[index - 1] ?? -1)),
      `outputs ${outputs} of ${tokens.length} tokens`,
    );
    this.assert(outputs.length <= this.mostOutputs, `a decode of ${outputs.length} outputs`);
    return this.#run(sequence, 'decode', async () => {
      // As in LlamaContext, where other sequences join in this turn.
      await nextTurn();
      await this.evaluate(sequence, position, tokens);
      const held = this.#heldBy(sequence);
      const numbers = outputs.map((output) => this.#addOutput(held.slice(0, position + output + 1)));
      this.#reading = sequence;
      try {
        return await read(Uint32Array.from(numbers));
      } finally {
        this.#reading = undefined;
      }
    });
  }

  exclusively<Result>(sequence: number, work: () => Result | Promise<Result>): Promise<Result> {
    return this.#run(sequence, 'exclusive', async () => {
      this.#isExclusive = true;
      try {
        return await work();
      } finally {
        this.#isExclusive = false;
      }
    });
  }

  undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(async () => {
      this.#isExclusive = true;
      try {
        return await work();
      } finally {
        this.#isExclusive = false;
      }
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Runs a step of a native loop behind the earlier ones. */
  loopStep<Result>(sequence: number, step: () => Promise<Result>): Promise<Result> {
    return this.#run(sequence, 'loop', step);
  }

  removeFrom(sequence: number, position: number): boolean {
    this.assert(this.#isExclusive || this.#reading === sequence, 'tokens removed beside a decode');
    this.assert(!this.#unknown.has(sequence), 'tokens kept after a decode that failed');
    const held = this.#heldBy(sequence);
    this.assert(position > 0 && position <= held.length, `tokens removed from ${position} of ${held.length}`);
    const ring = this.#rings[sequence];
    if (!this.canForget || ring?.hasWindowBefore(position) === false) return false;
    held.length = position;
    ring?.removeFrom(position);
    return true;
  }

  clear(sequence: number): void {
    this.assert(this.#isExclusive, 'a sequence cleared beside a decode');
    this.#heldBy(sequence).length = 0;
    this.#rings[sequence]?.removeFrom(0);
    this.#unknown.delete(sequence);
  }

  save(sequence: number, path: string, tokens: readonly Token[]): void {
    this.assert(this.#isExclusive, 'a state saved beside a decode');
    const held = this.#heldBy(sequence);
    this.assert(held.join() === tokens.join(), 'a state saved as one of other tokens');
    writeFileSync(path, JSON.stringify(tokens));
  }

  load(sequence: number, path: string, longest: number): Token[] {
    this.assert(this.#isExclusive, 'a state loaded beside a decode');
    this.clear(sequence);
    const tokens = JSON.parse(readFileSync(path, 'utf8')) as Token[];
    if (tokens.length > longest) throw new Error('the state does not fit');
    this.#heldBy(sequence).push(...tokens);
    return tokens;
  }

  read(sequence: number, first: number): Uint8Array {
    this.assert(this.#isExclusive, 'a state read beside a decode');
    this.assert(!this.#unknown.has(sequence), 'a state read after a decode that failed');
    const held = this.#heldBy(sequence);
    this.assert(first < held.length, `a state read from ${first} of ${held.length}`);
    return toState(held, this.sequences, first);
  }

  write(sequence: number, states: readonly StateUpTo[]): void {
    this.assert(this.#isExclusive, 'a state written beside a decode');
    this.clear(sequence);
    this.onWrite();
    const tokens = tokensOfStates(states);
    this.assert(tokens !== undefined, 'a state made of other states');
    this.#heldBy(sequence).push(...tokens);
    this.#rings[sequence]?.restore(tokens.length);
  }

  /** The tokens up to and including the one of an output. */
  tokensOf(output: number): readonly Token[] {
    this.assert(this.#reading !== undefined || this.#isExclusive, 'logits read beside a decode');
    const tokens = this.#outputs.get(output);
    this.assert(tokens !== undefined, `logits read that are gone, or were not asked for: ${output}`);
    return tokens;
  }

  score(output: number, token: Token, top: number): ScoredToken {
    return this.scoreBehind(this.tokensOf(output), token, top);
  }

  scoreBehind(tokens: readonly Token[], token: Token, top: number): ScoredToken {
    const logprobOf = (each: Token) => -(1 + (hash([...tokens, each]) % 1000)) / 100;
    const likeliest = Array.from({ length: top }, (_, index) => ({
      token: index,
      logprob: logprobOf(index),
    }));
    return { token, logprob: logprobOf(token), top: likeliest };
  }

  /** Evaluates a tree behind a sequence, and forgets it. */
  async scoreTree(sequence: number, { tokens, parents, wanted }: TreePiece): Promise<number[]> {
    const held = this.#heldBy(sequence);
    const ends = parents.length - new Set(parents.filter((parent) => parent >= 0)).size;
    this.assert(this.#isExclusive, 'a tree beside a decode');
    this.assert(!this.#unknown.has(sequence), 'a tree after a decode that failed');
    this.assert(
      tokens.length > 0 && tokens.length <= this.longestDecode,
      `a tree of ${tokens.length} tokens`,
    );
    this.assert(held.length + tokens.length <= this.contextSize, 'a tree that does not fit the context');
    this.assert(ends <= this.mostBranches, `a tree of ${ends} ends`);
    const outputs = new Set(wanted.map(({ parent }) => parent)).size;
    this.assert(outputs <= this.mostOutputs, `a tree of ${outputs} outputs`);
    this.assert(
      parents.every((parent, index) => parent < index),
      'a token before the one that it follows',
    );
    this.#outputs = new Map();
    const decode: FakeDecode = { index: this.decodes.length, sequence, tokens, isLoop: false };
    this.decodes.push(decode);
    await this.onDecode(decode);
    await nextTurn();
    this.clock.advance(this.#decodeMs(tokens.length));
    const pathTo = (index: number): Token[] =>
      index < 0 ? [...held] : [...pathTo(parents[index] ?? -1), tokens[index] ?? -1];
    return wanted.map(({ parent, token }) => this.scoreBehind(pathTo(parent), token, 0).logprob);
  }

  /** Evaluates tokens within a call of their sequence. */
  async evaluate(sequence: number, position: number, tokens: readonly Token[]): Promise<void> {
    const held = this.#heldBy(sequence);
    this.assert(!this.#isExclusive, 'a decode in an exclusive section');
    this.assert(!this.#unknown.has(sequence), 'a decode after one that failed');
    this.assert(position === held.length, `a decode at ${position} of ${held.length} tokens`);
    const ring = this.#rings[sequence];
    this.assert(ring?.hasWindowBefore(position) !== false, 'a decode without the window before it');
    this.#outputs = new Map();
    const isLoop = this.#activities.get(sequence)?.activity === 'loop';
    const decode: FakeDecode = { index: this.decodes.length, sequence, tokens, isLoop };
    this.decodes.push(decode);
    this.#started.resolve();
    this.#started = Promise.withResolvers();
    try {
      await this.onDecode(decode);
      await nextTurn();
      this.clock.advance(this.#decodeMs(tokens.length));
      held.push(...tokens);
      // Those of several sequences are evaluated in parts.
      const parts = this.sequences > 1 ? [tokens.length >> 1, (tokens.length + 1) >> 1] : [tokens.length];
      for (const part of parts) if (part > 0) ring?.append(part);
    } catch (error) {
      // A part of the tokens may have been evaluated.
      held.push(...tokens.slice(0, tokens.length >> 1));
      this.#unknown.add(sequence);
      throw error;
    }
  }

  #heldBy(sequence: number): Token[] {
    const held = this.#held[sequence];
    this.assert(held !== undefined, `an unknown sequence ${sequence}`);
    return held;
  }

  #addOutput(tokens: readonly Token[]): number {
    this.#nextOutput += 1;
    this.#outputs.set(this.#nextOutput, tokens);
    return this.#nextOutput;
  }

  /** Runs calls one after the other. A sequence has one at a time, except for the steps of a loop. */
  async #run<Result>(sequence: number, activity: Activity, work: () => Promise<Result>): Promise<Result> {
    const other = this.#activities.get(sequence);
    this.assert(
      other === undefined || (activity === 'loop' && other.activity === 'loop'),
      `${activity} beside ${other?.activity} of the same sequence`,
    );
    const own = other ?? { activity, count: 0 };
    own.count += 1;
    this.#activities.set(sequence, own);
    const done = this.#queue.then(work);
    // As in LlamaContext, where a sequence learns of a failure before anything else happens.
    this.#queue = done.catch(() => nextTurn());
    try {
      return await done;
    } finally {
      own.count -= 1;
      if (own.count === 0) this.#activities.delete(sequence);
    }
  }
}
