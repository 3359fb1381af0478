// The cost of a request on Lambda, at the speed of the server that answered it.
import { type Architecture, dollarsPerSecond } from '../tools/deploy/lambda-prices.ts';
import type { Timings } from './answer.ts';

export type { Architecture };

/** US dollars per request in us-east-1. https://aws.amazon.com/lambda/pricing/ */
const dollarsPerRequest = 0.2 / 1_000_000;

/** Returns US dollars: the time of prompt and answer with this much memory, and the request itself. A cold start is extra. */
export function requestDollars(
  { prompt_ms, predicted_ms }: Pick<Timings, 'prompt_ms' | 'predicted_ms'>,
  megabytes: number,
  architecture: Architecture,
): number {
  return ((prompt_ms + predicted_ms) / 1000) * dollarsPerSecond(megabytes, architecture) + dollarsPerRequest;
}

/** Writes an amount with two significant digits, such as `$0.000042`. */
export function formatDollars(dollars: number): string {
  if (dollars === 0) return '$0';
  const digits = Math.max(2, 1 - Math.floor(Math.log10(dollars)));
  return `$${dollars.toFixed(Math.min(digits, 12))}`;
}
