// How the tokens of one generation are chosen: the engine's options as llama.cpp's sampler takes them.
import type { GenerationRequest, Sampling, Token } from '../engine.ts';
import type { AddonGrammar, AddonGrammarState, AddonSampler, AddonSamplerConfig } from './llama-addon.ts';
import type { LlamaContext } from './llama-context.ts';
import type { LlamaModel } from './llama-model.ts';
import type { LlamaVocabulary } from './llama-vocabulary.ts';

/**
 * Below every logit, but above what a grammar forbids: were all that it admits forbidden as well, llama.cpp would take
 * what it does not admit, fail, and leave a rejection behind that nobody can handle.
 */
const forbiddingBias = -1e9;

/** What a grammar forbids has the probability 0, which may not count as likely. */
const lowestXtcThreshold = 1e-6;

/** llama.cpp's own default (`repeat_last_n`). */
const repeatPenaltyWindow = 64;

/** What the sampler of a generation works with. */
export interface LlamaSamplingContext {
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  readonly context: LlamaContext;
}

/** The sampler of one generation, which follows its text through {@link admit}. */
export class LlamaSampling implements Disposable {
  readonly #parts: LlamaSamplingContext;
  readonly #sampler: AddonSampler;
  readonly #sampling: Sampling;
  readonly #maxTokens: number;
  /** What is added to logits. */
  readonly #biases = new Map<Token, number>();
  readonly #counts = new Map<Token, number>();
  readonly #lastTokens: Token[];
  readonly #grammar: AddonGrammar | undefined;
  #grammarState: AddonGrammarState | undefined;
  readonly #trigger: string | undefined;
  /** The text as long as its trigger has not come. */
  #untriggered = '';
  /** Whether the sampler does not know yet what was set last. */
  #changed = true;

  constructor(
    parts: LlamaSamplingContext,
    { prompt, maxTokens, sampling, grammar: { trigger } = { gbnf: '' } }: GenerationRequest,
    grammar: AddonGrammar | undefined,
  ) {
    this.#parts = parts;
    this.#sampling = sampling;
    this.#maxTokens = maxTokens;
    this.#lastTokens = prompt.slice(-repeatPenaltyWindow);
    this.#grammar = grammar;
    this.#trigger = trigger;
    if (trigger === undefined) this.#beginGrammar();
    for (const [token, bias] of sampling.logitBias) this.#setBias(token, bias);
    if (sampling.ignoreEndOfGeneration) {
      for (const token of parts.vocabulary.endOfGeneration) this.#setBias(token, forbiddingBias);
    }
    const { addon, native } = parts.model;
    this.#sampler = new addon.AddonSampler(native);
  }

  /**
   * Chooses the token that follows an evaluated one.
   *
   * @param output - the evaluated token's number in the batch
   */
  async choose(output: number): Promise<Token> {
    if (this.#changed) this.#sampler.applyConfig(this.#toConfig());
    this.#changed = false;
    return this.#parts.context.inference.sample(output, this.#sampler);
  }

  /** Whether the next tokens are chosen by what the sampler knows already, and by those before them. */
  get isSteady(): boolean {
    const { presencePenalty, frequencyPenalty } = this.#sampling;
    return !(this.#changed || presencePenalty !== 0 || frequencyPenalty !== 0 || this.#awaitsTrigger);
  }

  /** For who chooses natively. */
  get native(): AddonSampler {
    return this.#sampler;
  }

  /**
   * Takes the token that was chosen into account for the next ones, and gives what goes into the text: the token,
   * or, where it runs past the grammar's trigger, its part up to there.
   */
  admit(token: Token): readonly Token[] {
    const admitted = this.#awaitTrigger(token);
    for (const each of admitted) this.#penalise(each);
    return admitted;
  }

  [Symbol.dispose](): void {
    this.#sampler.dispose();
  }

  get #awaitsTrigger(): boolean {
    return this.#trigger !== undefined && this.#grammarState === undefined;
  }

  #awaitTrigger(token: Token): readonly Token[] {
    if (this.#trigger === undefined || !this.#awaitsTrigger) return [token];
    const { vocabulary } = this.#parts;
    const piece = Buffer.from(vocabulary.toBytes(token)).toString();
    this.#untriggered = this.#untriggered.slice(-this.#trigger.length) + piece;
    const start = this.#untriggered.indexOf(this.#trigger);
    if (start < 0) return [token];
    this.#beginGrammar();
    const behind = this.#untriggered.slice(start + this.#trigger.length);
    if (behind.trim() === '') return [token];
    return vocabulary.tokenizeText(piece.slice(0, -behind.length), { special: true });
  }

  /** From here on the text must match the grammar, from its root. */
  #beginGrammar(): void {
    if (this.#grammar === undefined) return;
    const { addon, native } = this.#parts.model;
    this.#grammarState = new addon.AddonGrammarEvaluationState(native, this.#grammar);
    this.#changed = true;
  }

  #penalise(token: Token): void {
    const { presencePenalty, frequencyPenalty, repeatPenalty, logitBias } = this.#sampling;
    if (repeatPenalty !== 1) {
      this.#lastTokens.push(token);
      if (this.#lastTokens.length > repeatPenaltyWindow) this.#lastTokens.shift();
      // The sampler takes what it chooses into account itself, but not what becomes of it at a trigger.
      if (this.#trigger !== undefined) this.#changed = true;
    }
    if (presencePenalty === 0 && frequencyPenalty === 0) return;
    const count = (this.#counts.get(token) ?? 0) + 1;
    this.#counts.set(token, count);
    this.#setBias(token, (logitBias.get(token) ?? 0) - presencePenalty - count * frequencyPenalty);
  }

  #setBias(token: Token, bias: number): void {
    this.#biases.set(token, Math.max(bias, forbiddingBias));
    this.#changed = true;
  }

  #toConfig(): AddonSamplerConfig {
    const { temperature, topP, topK, minP, seed, xtc, dry, repeatPenalty } = this.#sampling;
    return {
      temperature,
      topP,
      minP,
      seed,
      // Zero would have it sort the whole vocabulary for every token; absent, the sampler is left out.
      ...(topK > 0 && { topK }),
      ...(xtc && {
        xtcProbability: xtc.probability,
        xtcThreshold: Math.max(xtc.threshold, lowestXtcThreshold),
      }),
      ...(dry &&
        dry.multiplier > 0 && {
          dryRepeatPenaltyStrength: dry.multiplier,
          dryRepeatPenaltyBase: dry.base,
          dryRepeatPenaltyAllowedLength: dry.allowedLength,
          // The module's own number for all of them, -1, has no effect in llama.cpp 0.5.
          dryRepeatPenaltyLastTokens: dry.lastTokens ?? this.#maxTokens,
          dryRepeatPenaltySequenceBreakers: dry.sequenceBreakers,
        }),
      ...(repeatPenalty !== 1 && {
        repeatPenalty,
        repeatPenaltyMaxTokens: repeatPenaltyWindow,
        repeatPenaltyTokens: Uint32Array.from(this.#lastTokens),
      }),
      ...(this.#biases.size > 0 && {
        tokenBiasKeys: Uint32Array.from(this.#biases.keys()),
        tokenBiasValues: Float32Array.from(this.#biases.values()),
      }),
      ...(this.#grammarState && { grammarEvaluationState: this.#grammarState }),
    };
  }
}
