// Computes the cost of generated tokens on Lambda.
import { type Architecture, dollarsPerSecond } from '../tools/deploy/lambda-prices.ts';

/** Returns US dollars per million generated tokens. */
export function dollarsPerMillionTokens(
  megabytes: number,
  tokensPerSecond: number,
  architecture: Architecture,
): number {
  return (1e6 / tokensPerSecond) * dollarsPerSecond(megabytes, architecture);
}

/**
 * Extrapolates tokens per second to more threads by Amdahl's law, from the rates of one and of two threads. If two
 * threads are more than twice as fast as one, all work counts as parallel.
 */
export function extrapolate(one: number, two: number, threads: number): number {
  const parallel = Math.min(2 * (1 / one - 1 / two), 1 / one);
  return 1 / (1 / one - parallel + parallel / threads);
}
