// What a million tokens cost on Lambda, by the size of the function.
import { type Architecture, dollarsPerSecond } from '../tools/deploy/lambda-prices.ts';

/** US dollars for a million generated tokens, at so many a second. */
export function dollarsPerMillionTokens(
  megabytes: number,
  tokensPerSecond: number,
  architecture: Architecture,
): number {
  return (1e6 / tokensPerSecond) * dollarsPerSecond(megabytes, architecture);
}

/**
 * Tokens per second with more threads than were measured, by Amdahl's law from one thread and from two: what a thread
 * more can share shrinks, and the rest of a token stays. Two that were measured at more than twice as many are taken to share
 * all.
 */
export function extrapolate(one: number, two: number, threads: number): number {
  const shared = Math.min(2 * (1 / one - 1 / two), 1 / one);
  return 1 / (1 / one - shared + shared / threads);
}
