// A sequence of the fake context, its samplers and their native loops.
import { joinStates, type StateUpTo } from '../../../../src/engine/cache/kv-state.ts';
import type { GenerationRequest, ScoredToken, Token } from '../../../../src/engine/engine.ts';
import type { AddonTokenLoop } from '../../../../src/engine/llama/llama-addon.ts';
import { TokenLoop } from '../../../../src/engine/llama/token-loop.ts';
import { keepsWindow } from '../../../../src/engine/llama/window-ring.ts';
import type {
  Decode,
  NativeSequence,
  Sampler,
  StepLoop,
  StepLoopEvents,
} from '../../../../src/engine/sequence/native-sequence.ts';
import type { TreePiece } from '../../../../src/engine/sequence/token-tree.ts';
import { endToken, type FakeContext, hash } from './fake-context.ts';

export interface FakeSequenceOptions {
  /** Whether there is a native loop. Default: false. */
  readonly hasLoop?: boolean;
}

export class FakeSequence implements NativeSequence<string> {
  readonly #context: FakeContext;
  readonly #number: number;
  readonly #options: FakeSequenceOptions;

  constructor(context: FakeContext, number: number, options: FakeSequenceOptions) {
    this.#context = context;
    this.#number = number;
    this.#options = options;
  }

  get contextSize(): number {
    return this.#context.contextSize;
  }

  get mostBranches(): number {
    return this.#context.mostBranches;
  }

  get mostOutputs(): number {
    return this.#context.mostOutputs;
  }

  get longestDecode(): number {
    return this.#context.longestDecode;
  }

  get isAlone(): boolean {
    return this.#context.sequences === 1;
  }

  get canGuess(): boolean {
    return this.#context.canForget && (this.isAlone || this.#context.windowRing === undefined);
  }

  get decodeStarted(): Promise<void> {
    return this.#context.started;
  }

  decode<Result>(decode: Decode<Result>): Promise<Result> {
    return this.#context.decode(this.#number, decode);
  }

  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return this.#context.exclusively(this.#number, work);
  }

  undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#context.undisturbed(work);
  }

  canGoBack(length: number, end?: number): boolean {
    const { canForget, windowRing } = this.#context;
    if (!canForget || windowRing === undefined) return canForget;
    return keepsWindow(windowRing, this.#context.positionsOf(this.#number), length, end);
  }

  removeFrom(position: number): boolean {
    return this.#context.removeFrom(this.#number, position);
  }

  clear(): void {
    this.#context.clear(this.#number);
  }

  async saveState(path: string, tokens: readonly Token[]): Promise<void> {
    this.#context.save(this.#number, path, tokens);
  }

  async loadState(path: string, longest: number): Promise<Token[]> {
    return this.#context.load(this.#number, path, longest);
  }

  get readsParts(): boolean {
    const { sequences, canForget, windowRing } = this.#context;
    return sequences === 1 && canForget && windowRing === undefined;
  }

  async readState(first: number): Promise<Uint8Array> {
    this.#context.assert(first === 0 || this.readsParts, 'a part of a state read');
    return this.#context.read(this.#number, first);
  }

  async writeStates(states: readonly StateUpTo[]): Promise<void> {
    const end = states.at(-1)?.end ?? 0;
    this.#context.write(this.#number, this.readsParts ? states : [{ bytes: joinStates(states), end }]);
  }

  async score(output: number, token: Token, top: number): Promise<ScoredToken> {
    return this.#context.score(output, token, top);
  }

  async scoreTokens(output: number, tokens: readonly Token[]): Promise<number[]> {
    return tokens.map((token) => this.#context.score(output, token, 0).logprob);
  }

  scoreTree(piece: TreePiece): Promise<number[]> {
    return this.#context.scoreTree(this.#number, piece);
  }

  createSampler(request: GenerationRequest): Sampler {
    return new FakeSampler(this.#context, this.#number, request, this.#options);
  }
}

class FakeSampler implements Sampler {
  readonly #context: FakeContext;
  readonly #sequence: number;
  readonly #request: GenerationRequest;
  readonly #options: FakeSequenceOptions;
  /** The number of choices. */
  #drawn = 0;
  #isDisposed = false;

  constructor(
    context: FakeContext,
    sequence: number,
    request: GenerationRequest,
    options: FakeSequenceOptions,
  ) {
    this.#context = context;
    this.#sequence = sequence;
    this.#request = request;
    this.#options = options;
    context.samplers += 1;
  }

  async choose(output: number): Promise<Token> {
    return this.chooseBehind(this.#context.tokensOf(output));
  }

  /** Chooses the likeliest token at temperature 0, else one by the seed and the number of choices before. */
  chooseBehind(tokens: readonly Token[]): Token {
    this.#context.assert(!this.#isDisposed, 'a choice by a disposed sampler');
    const { temperature, seed } = this.#request.sampling;
    this.#drawn += 1;
    const drawn = temperature === 0 ? [] : [seed, hash([seed, this.#drawn])];
    return this.#context.next([...tokens, ...drawn]);
  }

  openLoop(position: number, token: Token, events: StepLoopEvents): StepLoop | undefined {
    const { hasLoop = false } = this.#options;
    if (!hasLoop || this.#context.sequences > 1) return undefined;
    const native = new FakeTokenLoop(this.#context, this, this.#sequence, position, token);
    return new TokenLoop({ native, first: token, ...events });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#context.samplers -= 1;
  }
}

class FakeTokenLoop implements AddonTokenLoop {
  readonly #context: FakeContext;
  readonly #sampler: FakeSampler;
  readonly #sequence: number;
  #position: number;
  #token: Token;
  #isOver = false;

  constructor(context: FakeContext, sampler: FakeSampler, sequence: number, position: number, token: Token) {
    this.#context = context;
    this.#sampler = sampler;
    this.#sequence = sequence;
    this.#position = position;
    this.#token = token;
  }

  step(): Promise<Token> {
    return this.#context.loopStep(this.#sequence, async () => {
      if (this.#isOver) return -1;
      try {
        await this.#context.evaluate(this.#sequence, this.#position, [this.#token]);
      } catch (error) {
        this.#isOver = true;
        throw error;
      }
      this.#position += 1;
      const chosen = this.#sampler.chooseBehind(this.#context.heldBy(this.#sequence));
      this.#token = chosen;
      if (this.#token === endToken) this.#isOver = true;
      return chosen;
    });
  }

  stop(): void {
    this.#isOver = true;
  }
}
