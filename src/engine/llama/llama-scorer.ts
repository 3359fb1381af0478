// Log-probabilities: the logits of a few tokens, the highest one and the weight of all, before any sampling option.
import type { ScoredToken, Token, TokenLogprob } from '../engine.ts';
import type { AddonSampler } from './llama-addon.ts';
import type { LlamaContext } from './llama-context.ts';
import type { LlamaModel } from './llama-model.ts';

export class LlamaScorer {
  readonly #context: LlamaContext;
  /** Greedy and without other options, so that the selected token is the likeliest. */
  readonly #sampler: AddonSampler;

  constructor({ addon, native }: LlamaModel, context: LlamaContext) {
    this.#context = context;
    this.#sampler = new addon.AddonSampler(native);
    this.#sampler.applyConfig({ temperature: 0, topP: 1, minP: 0, seed: 0 });
  }

  /**
   * Scores what follows an evaluated token.
   *
   * @param output - the evaluated token's number in the batch
   * @param top - how many of the likeliest tokens to tell; more than one takes a sort of the whole vocabulary
   */
  async score(output: number, next: Token, top: number): Promise<ScoredToken> {
    const [, , , pairs, weight] = await this.#context.native.sampleToken(
      output,
      this.#sampler,
      false,
      false,
      [[next], false, false, true, top > 1 ? top : 0],
      true,
    );
    const logits = new Map<Token, number>();
    for (let index = 0; index < pairs.length; index += 2)
      logits.set(pairs[index] as Token, pairs[index + 1] as number);
    const sorted = [...logits].sort(([, one], [, other]) => other - one);
    const highest = sorted[0]?.[1] ?? Number.NaN;
    const scores = sorted.map(
      ([token, logit]): TokenLogprob => ({ token, logprob: logit - highest - Math.log(weight) }),
    );
    const score = scores.find(({ token }) => token === next);
    if (score === undefined) throw new Error('llama.cpp gave no logit of the token asked for.');
    return { ...score, top: scores.slice(0, top) };
  }
}
