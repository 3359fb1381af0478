// The engine's sampling options as node-llama-cpp takes them.
import {
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type SequenceEvaluateOptions,
  TokenBias,
} from 'node-llama-cpp';
import type { GenerationRequest, Sampling, Token } from './engine.ts';
import { type LlamaVocabulary, toLlama } from './llama-vocabulary.ts';

/**
 * A top-k of 0 makes the library sort the whole vocabulary for every token, and none at all makes it keep 40. What its
 * types do not know is null, which leaves that sampler out: a quarter less time for a token.
 */
const noTopK = null as unknown as number;

/**
 * Below every logit, but above what a grammar forbids: were all that it admits forbidden as well, llama.cpp would take
 * what it does not admit, fail, and leave a rejection behind that nobody can handle.
 */
const forbiddingBias = -1e9;

/** What a grammar forbids has the probability 0, which may not count as likely. */
const lowestXtcThreshold = 1e-6;

/** llama.cpp's own default (`repeat_last_n`). */
const repeatPenaltyWindow = 64;

/** The options of one generation, which follow its text through {@link admit}. */
export class LlamaSampling {
  readonly options: SequenceEvaluateOptions;
  readonly #model: LlamaModel;
  readonly #vocabulary: LlamaVocabulary;
  readonly #sampling: Sampling;
  /** What is added to logits, which the library reads anew for each token. */
  readonly #biases: Map<Token, number> | undefined;
  readonly #counts = new Map<Token, number>();
  readonly #lastTokens: Token[];
  readonly #grammar: LlamaGrammar | undefined;
  #grammarState: LlamaGrammarEvaluationState | undefined;
  readonly #trigger: string | undefined;
  /** The text as long as its trigger has not come. */
  #untriggered = '';

  constructor(
    { model, vocabulary }: { readonly model: LlamaModel; readonly vocabulary: LlamaVocabulary },
    { prompt, maxTokens, sampling, grammar: { trigger } = { gbnf: '' } }: GenerationRequest,
    grammar: LlamaGrammar | undefined,
  ) {
    this.#model = model;
    this.#vocabulary = vocabulary;
    this.#sampling = sampling;
    this.#lastTokens = prompt.slice(-repeatPenaltyWindow);
    this.#grammar = grammar;
    this.#trigger = trigger;
    if (trigger === undefined) this.#beginGrammar();
    const { temperature, topP, topK, minP, seed, xtc, dry, repeatPenalty } = sampling;
    const options: SequenceEvaluateOptions = {
      temperature,
      topP,
      topK: topK === 0 ? noTopK : topK,
      minP,
      seed,
      yieldEogToken: true,
      grammarEvaluationState: () => this.#grammarState,
    };
    if (xtc !== undefined) options.xtc = { ...xtc, threshold: Math.max(xtc.threshold, lowestXtcThreshold) };
    if (dry !== undefined && dry.multiplier > 0) {
      options.dryRepeatPenalty = {
        strength: dry.multiplier,
        base: dry.base,
        allowedLength: dry.allowedLength,
        // The library's own word for all of them, null, has no effect in llama.cpp 0.5.
        lastTokens: dry.lastTokens ?? maxTokens,
        sequenceBreakers: [...dry.sequenceBreakers],
      };
    }
    if (repeatPenalty !== 1) {
      options.repeatPenalty = {
        penalty: repeatPenalty,
        maxPunishTokens: repeatPenaltyWindow,
        punishTokens: () => toLlama(this.#lastTokens),
      };
    }
    if (this.#changesLogits()) {
      const tokenBias = TokenBias.for(model);
      this.#biases = biasesOf(tokenBias);
      for (const [token, bias] of sampling.logitBias) this.#setBias(token, bias);
      if (sampling.ignoreEndOfGeneration) {
        for (const token of vocabulary.endOfGeneration) this.#setBias(token, forbiddingBias);
      }
      options.tokenBias = tokenBias;
    }
    this.options = options;
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

  #awaitTrigger(token: Token): readonly Token[] {
    if (this.#trigger === undefined || this.#grammarState !== undefined) return [token];
    const piece = Buffer.from(this.#vocabulary.toBytes(token)).toString();
    this.#untriggered = this.#untriggered.slice(-this.#trigger.length) + piece;
    const start = this.#untriggered.indexOf(this.#trigger);
    if (start < 0) return [token];
    this.#beginGrammar();
    const behind = this.#untriggered.slice(start + this.#trigger.length);
    if (behind.trim() === '') return [token];
    return this.#vocabulary.tokenizeText(piece.slice(0, -behind.length), { special: true });
  }

  /** From here on the text must match the grammar, from its root. */
  #beginGrammar(): void {
    if (this.#grammar === undefined) return;
    this.#grammarState = new LlamaGrammarEvaluationState({ model: this.#model, grammar: this.#grammar });
  }

  #penalise(token: Token): void {
    if (this.#sampling.repeatPenalty !== 1) {
      this.#lastTokens.push(token);
      if (this.#lastTokens.length > repeatPenaltyWindow) this.#lastTokens.shift();
    }
    const { presencePenalty, frequencyPenalty, logitBias } = this.#sampling;
    if (presencePenalty === 0 && frequencyPenalty === 0) return;
    const count = (this.#counts.get(token) ?? 0) + 1;
    this.#counts.set(token, count);
    this.#setBias(token, (logitBias.get(token) ?? 0) - presencePenalty - count * frequencyPenalty);
  }

  #setBias(token: Token, bias: number): void {
    this.#biases?.set(token, Math.max(bias, forbiddingBias));
  }

  #changesLogits(): boolean {
    const { presencePenalty, frequencyPenalty, logitBias, ignoreEndOfGeneration } = this.#sampling;
    return presencePenalty !== 0 || frequencyPenalty !== 0 || logitBias.size > 0 || ignoreEndOfGeneration;
  }
}

/**
 * The map inside the library's TokenBias, written to directly: its `set()` passes over tokens that end a generation,
 * which `logit_bias` and `ignore_eos` are for. A test with the real model holds it to this.
 */
function biasesOf(tokenBias: TokenBias): Map<Token, number> {
  const { _biases: biases } = tokenBias as unknown as { _biases?: unknown };
  if (biases instanceof Map) return biases;
  throw new Error('This release of node-llama-cpp keeps its token biases elsewhere.');
}
