// One sequence of a context of llama.cpp, as the cache, prefill and decode use it.
import { readFile } from 'node:fs/promises';
import { fileToState } from '../cache/kv-state.ts';
import type { GenerationRequest, ScoredToken, Token } from '../engine.ts';
import type { Decode, NativeSequence, Sampler } from '../sequence/native-sequence.ts';
import type { TreePiece } from '../sequence/token-tree.ts';
import type { NativeGrammar } from './llama-addon.ts';
import type { LlamaContext } from './llama-context.ts';
import { toEngineError } from './llama-grammar.ts';
import type { LlamaModel } from './llama-model.ts';
import { toSamplerConfig } from './sampler-config.ts';
import { TokenLoop } from './token-loop.ts';

export interface LlamaSequenceParts {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

export class LlamaSequence implements NativeSequence<NativeGrammar> {
  readonly #parts: LlamaSequenceParts;
  /** Its number in the context. */
  readonly #number: number;

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

  get longestDecode(): number {
    return this.#parts.context.longestStep;
  }

  get isAlone(): boolean {
    return this.#parts.context.sequences === 1;
  }

  get canForget(): boolean {
    return this.#parts.model.canForget;
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
      read: decode.read,
    });
  }

  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return this.#parts.context.exclusively(work);
  }

  undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#parts.context.exclusively(work);
  }

  removeFrom(position: number): boolean {
    return this.#parts.context.native.removeTokenCellsFromSequence(this.#number, position, -1);
  }

  clear(): void {
    this.#parts.context.native.disposeSequence(this.#number);
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
    await inference.writeSequence(this.#number, state);
    return tokens;
  }

  readState(): Promise<Uint8Array> {
    return this.#parts.context.inference.readSequence(this.#number);
  }

  writeState(state: Uint8Array): Promise<void> {
    return this.#parts.context.inference.writeSequence(this.#number, state);
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
}
