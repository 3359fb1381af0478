// The engine's sampling options as the native sampler chain takes them (native/inference/sampler-config.h). Native code reads
// 32-bit numbers and allocates by some of them, so each is brought into a range within which it means what it says. The reasons
// are those of llama.cpp's src/llama-sampler.cpp.
import { type GenerationRequest, type SamplerName, samplerOrder } from '../engine.ts';

export interface SamplerConfig {
  /** The samplers that may have an effect, in their order. */
  readonly order: readonly SamplerName[];
  readonly seed: number;
  readonly minKeep: number;
  readonly temperature: number;
  readonly dynatempRange: number;
  readonly dynatempExponent: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly typicalP: number;
  readonly topNSigma: number;
  readonly xtcProbability: number;
  readonly xtcThreshold: number;
  readonly mirostat: 0 | 1 | 2;
  readonly mirostatTau: number;
  readonly mirostatEta: number;
  /** Negative is off. */
  readonly adaptiveTarget: number;
  readonly adaptiveDecay: number;
  readonly repeatPenalty: number;
  readonly repeatLastTokens: number;
  /** The prompt's last tokens, at most `repeatLastTokens`. */
  readonly promptEnd: Uint32Array;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly dryMultiplier: number;
  readonly dryBase: number;
  readonly dryAllowedLength: number;
  readonly dryLastTokens: number;
  readonly drySequenceBreakers: readonly string[];
  readonly biasTokens: Uint32Array;
  /** Of the tokens at the same places. */
  readonly biasValues: Float32Array;
  readonly ignoreEndOfGeneration: boolean;
  readonly minTokens: number;
  /** As {@link Grammar}'s. Empty lists and texts where there are none. */
  readonly grammarPrefix: string;
  readonly grammarTriggers: readonly string[];
  readonly thoughtsStart: string;
  readonly thoughtsEnds: readonly string[];
  readonly startsThinking: boolean;
  /** As {@link ThoughtLimit}'s. An empty end: there is no limit. */
  readonly thoughtTokens: number;
  readonly thoughtEnd: Uint32Array;
}

/** A logit bias beyond it would be taken for what a grammar forbids, which is minus infinity (token-logits.h). */
const greatestBias = 1e9;

/** No two logits of a model differ by more, so a greater penalty would change nothing. */
const greatestPenalty = 1e3;

/** At a higher temperature all tokens are equally likely, as far as 32-bit floats tell. */
const highestTemperature = 1e4;

/** Division by a lower temperature overflows llama.cpp's 32-bit floats, and the text becomes noise. */
const lowestTemperature = 1e-5;

/** What a grammar forbids has the probability 0, which may not count as likely. */
const lowestXtcThreshold = 1e-6;

/**
 * The mean surprise of a token that is drawn from a vocabulary of a million, in bits. Mirostat computes with two to the power
 * of twice this number, which must fit an integer of llama.cpp's.
 */
const mostSurprise = 20;

/** Mirostat's target moves by this share of its error. A move beyond the error would take it further away with each token. */
const greatestEta = 1;

/** Of `decay`, by llama.cpp's own limit: 1 would divide by zero. */
const greatestDecay = 0.99;

/** llama.cpp draws another seed each time for the number above, its LLAMA_DEFAULT_SEED. */
const greatestSeed = 0xffff_fffe;

/**
 * Of the entropy's share of the most entropy. Rounding may make that share a little more than 1, and a greater exponent would
 * make it infinite. A negative one would do so for a share of 0.
 */
const greatestExponent = 1e3;

/** Nothing is dropped beyond it. Infinity times a deviation of 0 would be no number. */
const mostSigmas = 1e6;

/** Brings a number into a range. What is no number becomes the lowest. */
function clamp(value: number, lowest: number, highest: number): number {
  if (!(value > lowest)) return lowest;
  return value < highest ? value : highest;
}

function clampInteger(value: number, lowest: number, highest: number): number {
  return Math.trunc(clamp(value, lowest, highest));
}

export function toSamplerConfig(
  request: Pick<GenerationRequest, 'prompt' | 'maxTokens' | 'sampling' | 'grammar' | 'thoughtLimit'>,
  vocabularySize: number,
): SamplerConfig {
  const { prompt, maxTokens, sampling, grammar, thoughtLimit } = request;
  const { dry, xtc, mirostat, adaptiveP, dynatemp } = sampling;
  const thoughts = thoughtLimit?.marks ?? grammar?.thoughts;
  // A memory of more tokens than there will be has no effect, but llama.cpp would allocate it.
  const repeatLastTokens = clampInteger(sampling.repeatLastTokens, 0, prompt.length + maxTokens);
  return {
    order: sampling.samplers ?? samplerOrder,
    seed: clampInteger(sampling.seed, 0, greatestSeed),
    // Nothing keeps more tokens than there are, and beyond 32 bits native code would take 4294967297 for 1.
    minKeep: clampInteger(sampling.minKeep ?? 0, 0, vocabularySize),
    // Mirostat has a fixed temperature.
    ...toTemperatures(sampling.temperature, mirostat ? 0 : (dynatemp?.range ?? 0)),
    dynatempExponent: clamp(dynatemp?.exponent ?? 1, 0, greatestExponent),
    topK: clampInteger(sampling.topK, 0, vocabularySize),
    // Probabilities, and shares of the highest one.
    topP: clamp(sampling.topP, 0, 1),
    minP: clamp(sampling.minP, 0, 1),
    typicalP: clamp(sampling.typicalP ?? 1, 0, 1),
    topNSigma: clamp(sampling.topNSigma ?? 0, 0, mostSigmas),
    xtcProbability: clamp(xtc?.probability ?? 0, 0, 1),
    xtcThreshold: clamp(xtc?.threshold ?? 1, lowestXtcThreshold, 1),
    mirostat: mirostat?.version ?? 0,
    mirostatTau: clamp(mirostat?.tau ?? 0, 0, mostSurprise),
    mirostatEta: clamp(mirostat?.eta ?? 0, 0, greatestEta),
    // A probability. Each negative one is off.
    adaptiveTarget: clamp(adaptiveP?.target ?? -1, -1, 1),
    adaptiveDecay: clamp(adaptiveP?.decay ?? 0, 0, greatestDecay),
    // Zero would divide by zero.
    repeatPenalty: clamp(sampling.repeatPenalty, 1e-3, greatestPenalty),
    repeatLastTokens,
    promptEnd: Uint32Array.from(repeatLastTokens === 0 ? [] : prompt.slice(-repeatLastTokens)),
    presencePenalty: clamp(sampling.presencePenalty, -greatestPenalty, greatestPenalty),
    frequencyPenalty: clamp(sampling.frequencyPenalty, -greatestPenalty, greatestPenalty),
    dryMultiplier: clamp(dry?.multiplier ?? 0, 0, greatestPenalty),
    // Below 1, llama.cpp ignores it. It keeps the power of a greater one from overflowing.
    dryBase: clamp(dry?.base ?? 1, 1, greatestPenalty),
    // DRY sees generated tokens, of which there will be no more. llama.cpp allocates as many as it is to remember.
    dryAllowedLength: clampInteger(dry?.allowedLength ?? 0, 0, maxTokens),
    dryLastTokens: clampInteger(dry?.lastTokens ?? maxTokens, 0, maxTokens),
    drySequenceBreakers: dry?.sequenceBreakers ?? [],
    biasTokens: Uint32Array.from(sampling.logitBias.keys()),
    biasValues: Float32Array.from(sampling.logitBias.values(), (bias) =>
      clamp(bias, -greatestBias, greatestBias),
    ),
    ignoreEndOfGeneration: sampling.ignoreEndOfGeneration,
    // No text is longer.
    minTokens: clampInteger(sampling.minTokens ?? 0, 0, maxTokens),
    grammarPrefix: grammar?.prefix ?? '',
    grammarTriggers: grammar?.triggers ?? [],
    thoughtsStart: thoughts?.start ?? '',
    thoughtsEnds: thoughts?.ends ?? [],
    startsThinking: thoughts?.hasStarted ?? false,
    thoughtTokens: clampInteger(thoughtLimit?.tokens ?? 0, 0, maxTokens),
    thoughtEnd: Uint32Array.from(thoughtLimit?.end ?? []),
  };
}

/** A dynamic temperature is from `temperature - range` to `temperature + range`. */
function toTemperatures(
  temperature: number,
  range: number,
): Pick<SamplerConfig, 'temperature' | 'dynatempRange'> {
  const highest = clamp(temperature + range, 0, highestTemperature);
  if (highest < lowestTemperature) return { temperature: 0, dynatempRange: 0 };
  if (range <= 0) return { temperature: highest, dynatempRange: 0 };
  const lowest = temperature - range;
  // The middle and the half of what is left of the range.
  if (lowest < lowestTemperature || highest === highestTemperature) {
    const low = clamp(lowest, lowestTemperature, highest);
    return { temperature: (low + highest) / 2, dynatempRange: (highest - low) / 2 };
  }
  return { temperature, dynatempRange: range };
}
