// From the log-probabilities of writings to the probabilities of answers.
import type { Token } from '../../engine/engine.ts';

/** A way to write an answer, and the logarithm of the probability that a text begins with it. */
export interface ScoredWriting {
  /** The answer's index. */
  readonly answer: number;
  readonly tokens: readonly Token[];
  readonly logprob: number;
}

/**
 * The probability of each answer, given that the text begins with one of them. A text that begins with several of them, as "New
 * York" begins with "New", counts for the longest.
 */
export function toProbabilities(writings: readonly ScoredWriting[], answers: number): number[] {
  const highest = Math.max(...writings.map(({ logprob }) => logprob));
  const weights = new Array<number>(answers).fill(0);
  for (const { answer, logprob, tokens } of writings) {
    const weight = Math.exp(logprob - highest);
    weights[answer] = (weights[answer] ?? 0) + weight;
    const shorter = findLongestBeginning(tokens, writings);
    if (shorter !== undefined) weights[shorter.answer] = (weights[shorter.answer] ?? 0) - weight;
  }
  // Rounding may leave less than nothing of an answer that only longer ones go on from.
  const positive = weights.map((weight) => Math.max(0, weight));
  const sum = positive.reduce((total, weight) => total + weight, 0);
  return positive.map((weight) => weight / sum);
}

/** The longest other writing that these tokens begin with. */
function findLongestBeginning(
  tokens: readonly Token[],
  writings: readonly ScoredWriting[],
): ScoredWriting | undefined {
  let longest: ScoredWriting | undefined;
  for (const writing of writings) {
    const { length } = writing.tokens;
    if (length >= tokens.length || length <= (longest?.tokens.length ?? 0)) continue;
    if (writing.tokens.every((token, index) => token === tokens[index])) longest = writing;
  }
  return longest;
}
