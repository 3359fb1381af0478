// Log-probabilities from node-llama-cpp: the logits of a few tokens, the highest one and the weight of all.
import type { ControlledEvaluateIndexOutput, ControlledEvaluateInputItem } from 'node-llama-cpp';
import type { ScoredToken, Token, TokenLogprob } from './engine.ts';
import { toLlama } from './llama-vocabulary.ts';

/**
 * Asks for what is needed to score `next` after `token`. Greedy and without other options, so that the logits are the
 * model's own and the selected token is the likeliest.
 */
export function toScoringItem(
  token: Token,
  next: Token | undefined,
  top: number,
): ControlledEvaluateInputItem {
  const [item] = toLlama([token]);
  if (item === undefined || next === undefined) return item as ControlledEvaluateInputItem & number;
  // The selected token is the likeliest; more than that one takes a sort of the whole vocabulary.
  const filter = { tokens: toLlama([next]), includeSelected: true, ...(top > 1 && { includeTop: top }) };
  return [
    item,
    { generateNext: { logits: { filter }, totalLogitWeight: true, options: { temperature: 0 } } },
  ];
}

/** Reads the score of `next` from what an item of {@link toScoringItem} gave. */
export function toScore(
  next: Token,
  top: number,
  output: ControlledEvaluateIndexOutput | undefined,
): ScoredToken {
  const logits = [...(output?.next.logits ?? [])].sort(([, one], [, other]) => other - one);
  const weight = output?.next.totalLogitWeight;
  const highest = logits[0]?.[1];
  if (weight === undefined || highest === undefined) throw new Error('The library gave no logits.');
  const scores = logits.map(
    ([token, logit]): TokenLogprob => ({ token, logprob: logit - highest - Math.log(weight) }),
  );
  const score = scores.find(({ token }) => token === next);
  if (score === undefined) throw new Error('The library gave no logit of the token asked for.');
  return { ...score, top: scores.slice(0, top) };
}
