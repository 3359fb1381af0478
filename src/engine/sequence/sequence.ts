// One sequence of a context, which generates one text at a time: reuse of the cache, prefill, decode.
import type { Clock } from '../clock.ts';
import type { GenerationEvent, GenerationRequest, Token } from '../engine.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { PromptLookup } from '../prompt/prompt-lookup.ts';
import { GeneratedText } from '../text/generated-text.ts';
import type { Detokenize } from '../text/token-text.ts';
import { decode } from './decode.ts';
import { GenerationRun, type GenerationRunOptions } from './generation-run.ts';
import type { NativeSequence } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import { Prefill } from './prefill.ts';
import { reuseWholeBlocks } from './reuse-rule.ts';
import { SequenceCache } from './sequence-cache.ts';
import { SequenceState } from './sequence-state.ts';
import { StepQueue } from './step-queue.ts';
import { type EndOfGeneration, TokenChooser } from './token-chooser.ts';

export interface SequenceParts<Grammar> {
  readonly native: NativeSequence<Grammar>;
  readonly vocabulary: EndOfGeneration & { readonly detokenizeGenerated: Detokenize };
  readonly snapshots: PrefixSnapshots;
  readonly pace: Pace;
  readonly clock: Clock;
  /** The most tokens to guess at once; 0 guesses none. */
  readonly lookupTokens: number;
}

export interface SequenceGenerationOptions<Grammar> extends GenerationRunOptions {
  readonly grammar: Grammar | undefined;
}

export class Sequence<Grammar> {
  readonly #parts: SequenceParts<Grammar>;
  readonly #state: SequenceState;
  readonly #cache: SequenceCache;
  readonly #prefill: Prefill;

  constructor(parts: SequenceParts<Grammar>) {
    const { native, snapshots, pace, clock } = parts;
    const state = new SequenceState(native);
    this.#parts = parts;
    this.#state = state;
    this.#cache = new SequenceCache({
      state,
      canForget: native.canForget,
      snapshots,
      reuse: reuseWholeBlocks,
    });
    this.#prefill = new Prefill({ state, native, known: snapshots.known, pace, clock });
  }

  /** How many tokens of a prompt this sequence would not have to evaluate. */
  reusableTokens(prompt: readonly Token[]): number {
    return this.#cache.reusableTokens(prompt);
  }

  /**
   * Generates as {@link Engine.generate} does. One caller at a time: a sequence has one writer.
   *
   * @throws the signal's reason when aborted, within one token or one piece of the prompt
   */
  async *generate(
    request: GenerationRequest,
    { grammar, ...options }: SequenceGenerationOptions<Grammar>,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const run = new GenerationRun(request, options, this.#parts);
    run.cachedTokens = await this.#cache.prepare(request);
    const hasTime = await this.#prefill.evaluateUntilLast(run);
    if (hasTime && request.maxTokens > 0) {
      yield* this.#decode(run, grammar);
    } else {
      if (hasTime) await this.#prefill.evaluateLast(run);
      if (request.promptLogprobs) yield { type: 'prompt', scores: run.promptScores };
    }
    yield { type: 'end', summary: run.toSummary() };
  }

  /** Restores the snapshot of a known prefix, where there is a usable one. */
  async restore(prefix: KnownPrefix): Promise<void> {
    await this.#cache.restore(prefix);
  }

  /**
   * Evaluates a known prefix and writes its state to a file.
   *
   * @throws {Error} when the file cannot be written
   */
  async saveSnapshot({ tokens }: KnownPrefix, path: string): Promise<void> {
    await this.#state.truncate(0);
    await this.#prefill.evaluateText(tokens);
    await this.#state.save(path);
  }

  async *#decode(
    run: GenerationRun,
    grammar: Grammar | undefined,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const { native, vocabulary, pace, clock, lookupTokens } = this.#parts;
    const { prompt, stop, logprobs, sampling } = run.request;
    const text = new GeneratedText(vocabulary.detokenizeGenerated, prompt, stop, sampling.minTokens);
    using sampler = native.createSampler(run.request, grammar);
    const lookup = new PromptLookup(prompt, lookupTokens);
    const chooser = new TokenChooser({ native, vocabulary, sampler, lookup, logprobs, clock });
    const first = this.#prefill.chooseFirst(run, async (output) => [await chooser.choose(output)]);
    const parts = { state: this.#state, native, vocabulary, sampler, chooser, lookup, pace, clock };
    yield* decode(run, new StepQueue(run, first, parts), text);
  }
}
