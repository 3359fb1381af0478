// Chooses one token from logits, and scores it where the request asks for that.
import type { Clock } from '../clock.ts';
import type { ScoredToken, Token } from '../engine.ts';
import type { NativeSequence, Sampler } from './native-sequence.ts';

/** A chosen token. */
export interface Choice {
  readonly token: Token;
  /** Where log-probabilities are asked for. */
  readonly score: ScoredToken | undefined;
  /** Whether it ends the text. */
  readonly ends: boolean;
  /** When it was chosen, on the clock. */
  readonly at: number;
}

/** The tokens that end a text. */
export interface EndOfGeneration {
  isEndOfGeneration(token: Token): boolean;
}

export interface TokenChooserParts {
  readonly native: Pick<NativeSequence<never>, 'score'>;
  readonly vocabulary: EndOfGeneration;
  readonly sampler: Sampler;
  /** As {@link GenerationRequest.logprobs}. */
  readonly logprobs: number | undefined;
  readonly clock: Clock;
}

export class TokenChooser {
  readonly #parts: TokenChooserParts;

  constructor(parts: TokenChooserParts) {
    this.#parts = parts;
  }

  /** Chooses the token that follows the logits with this native number. */
  async choose(output: number): Promise<Choice> {
    const { native, vocabulary, sampler, logprobs, clock } = this.#parts;
    const token = await sampler.choose(output);
    const score = logprobs === undefined ? undefined : await native.score(output, token, logprobs);
    return { token, score, ends: vocabulary.isEndOfGeneration(token), at: clock.now() };
  }
}
