// One sequence of a context of llama.cpp, as the cache, prefill and decode use it.
import { readFile } from 'node:fs/promises';
import { fileToState, joinStates, type StateUpTo } from '../cache/kv-state.ts';
import type { GenerationRequest, ScoredToken, Token } from '../engine.ts';
import type { Decode, NativeSequence, Sampler } from '../sequence/native-sequence.ts';
import { mostOutputsOf } from '../sequence/step-size.ts';
import type { TreePiece } from '../sequence/token-tree.ts';
import type { NativeGrammar } from './llama-addon.ts';
import type { LlamaContext } from './llama-context.ts';
import { toEngineError } from './llama-grammar.ts';
import type { LlamaModel } from './llama-model.ts';
import { toSamplerConfig } from './sampler-config.ts';
import { TokenLoop } from './token-loop.ts';
import { type HeldPositions, keepsWindow } from './window-ring.ts';

export interface LlamaSequenceParts {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

export class LlamaSequence implements NativeSequence<NativeGrammar> {
  readonly #parts: LlamaSequenceParts;
  /** Its number in the context. */
  readonly #number: number;
  /** What layers with a sliding window have, when it was last looked up. */
  #held: HeldPositions = { first: 0, end: 0 };

  constructor(parts: LlamaSequenceParts, number: number) {
    this.#parts = parts;
    this.#number = number;
  }

  get contextSize(): number {
    return this.#parts.context.contextSize;
  }

  get mostBranches(): number {
    return this.#parts.context.mostBranches;
  }

  get mostOutputs(): number {
    return mostOutputsOf(this.#parts.context.sequences, this.#parts.model.facts.vocabularySize);
  }

  get longestDecode(): number {
    return this.#parts.context.longestStep;
  }

  get isAlone(): boolean {
    return this.#parts.context.sequences === 1;
  }

  get canGuess(): boolean {
    // Beside other sequences a guess costs nearly a step of its own: four stories at once lost an eighth. And llama.cpp may evaluate
    // such a decode in parts, of which a later one overwrites what a sliding window has left by then.
    return this.#parts.model.canForget && this.isAlone;
  }

  get decodeStarted(): Promise<void> {
    return this.#parts.context.started;
  }

  decode<Result>(decode: Decode<Result>): Promise<Result> {
    return this.#parts.context.decode({
      sequence: this.#number,
      position: decode.position,
      tokens: decode.tokens,
      outputs: decode.outputs,
      read: (outputs) => {
        this.#lookUp();
        return decode.read(outputs);
      },
    });
  }

  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return this.#parts.context.exclusively(work);
  }

  undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#parts.context.exclusively(work);
  }

  canGoBack(length: number, end?: number): boolean {
    const { model, context } = this.#parts;
    if (!model.canForget || context.windowRing === undefined) return model.canForget;
    // Beside it other sequences may be decoded now, and llama.cpp must not be asked; but then each step of it was looked at.
    if (this.isAlone) this.#lookUp();
    return keepsWindow(context.windowRing, this.#held, length, end);
  }

  removeFrom(position: number): boolean {
    if (!this.canGoBack(position)) return false;
    const isRemoved = this.#parts.context.native.removeTokenCellsFromSequence(this.#number, position, -1);
    this.#lookUp();
    return isRemoved;
  }

  clear(): void {
    this.#parts.context.native.disposeSequence(this.#number);
    this.#lookUp();
  }

  saveState(path: string, tokens: readonly Token[]): Promise<void> {
    return this.#parts.context.inference.saveSequence(path, this.#number, Uint32Array.from(tokens));
  }

  async loadState(path: string, longest: number): Promise<Uint32Array> {
    const { inference, sequences } = this.#parts.context;
    if (this.isAlone) return inference.loadSequence(path, this.#number, longest);
    // llama.cpp lays a state out by the number of sequences in its context, and a snapshot is of a context with one.
    const { tokens, state } = fileToState(await readFile(path), sequences);
    if (tokens.length > longest) throw new Error('it holds more tokens');
    await inference.writeSequence(this.#number, [state], Int32Array.of(tokens.length));
    return tokens;
  }

  get readsParts(): boolean {
    return this.#parts.context.sharesCells;
  }

  readState(first: number): Promise<Uint8Array> {
    return this.#parts.context.inference.readSequence(this.#number, first);
  }

  async writeStates(states: readonly StateUpTo[]): Promise<void> {
    const { inference } = this.#parts.context;
    const end = states.at(-1)?.end ?? 0;
    const written = this.readsParts ? states : [{ bytes: joinStates(states), end }];
    await inference.writeSequence(
      this.#number,
      written.map(({ bytes }) => bytes),
      Int32Array.from(written, (each) => each.end),
    );
    this.#lookUp();
  }

  async score(output: number, token: Token, top: number): Promise<ScoredToken> {
    const { logprob, topTokens, topLogprobs } = await this.#parts.context.inference.score(output, token, top);
    return {
      token,
      logprob,
      top: Array.from(topTokens, (each, index) => ({
        token: each,
        logprob: topLogprobs[index] ?? Number.NaN,
      })),
    };
  }

  scoreTokens(output: number, tokens: readonly Token[]): Promise<Float64Array> {
    return this.#parts.context.inference.scoreTokens(output, Int32Array.from(tokens));
  }

  scoreTree({ tokens, parents, wanted }: TreePiece): Promise<Float64Array> {
    return this.#parts.context.inference.scoreTree(
      this.#number,
      Int32Array.from(tokens),
      Int32Array.from(parents),
      Int32Array.from(wanted, ({ parent }) => parent),
      Int32Array.from(wanted, ({ token }) => token),
    );
  }

  createSampler(request: GenerationRequest, grammar: NativeGrammar | undefined): Sampler {
    const { model, context } = this.#parts;
    const { Sampler, TokenLoop: NativeLoop } = model.inference;
    const sampler = new Sampler(
      model.native,
      toSamplerConfig(request, model.facts.vocabularySize),
      ...(grammar === undefined ? [] : [grammar]),
    );
    return {
      choose: async (output) => {
        try {
          return await context.inference.sample(output, sampler);
        } catch (error) {
          throw toEngineError(error);
        }
      },
      openLoop: (position, token, events) => {
        // Several sequences share their decodes.
        if (!this.isAlone) return undefined;
        const native = new NativeLoop(context.inference, sampler, this.#number, position, token);
        return new TokenLoop({ native, first: token, ...events });
      },
      [Symbol.dispose]: () => sampler.dispose(),
    };
  }

  /** Looks up what layers with a sliding window have, while nothing is decoded. */
  #lookUp(): void {
    const { native, windowRing } = this.#parts.context;
    if (windowRing === undefined) return;
    this.#held = {
      first: Math.max(0, native.getSequenceKvCacheMinPosition(this.#number)),
      end: 1 + native.getSequenceKvCacheMaxPosition(this.#number),
    };
  }
}
