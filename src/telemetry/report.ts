// What is told of an invocation when it is over.

import type { GenerationSummary } from '../engine/engine.ts';
import type { RequestError } from '../errors/request-error.ts';
import type { LogFields } from './log.ts';
import { toTimings } from './timings.ts';

/** The Lambda function that an invocation runs. */
interface LambdaFunction {
  readonly name: string;
  readonly arn: string;
  /** In MB. */
  readonly memory: number;
}

/** The invocation of a function, or a request on port 8000. */
export interface InvocationIdentity {
  /** AWS's request id, or a UUID. */
  readonly id: string;
  /** Absent on port 8000. */
  readonly lambda?: LambdaFunction | undefined;
  /** Whether the environment was initialised for it. */
  readonly coldStart: boolean;
}

export interface Report extends InvocationIdentity {
  /** How long the model took to load, in milliseconds: told once, by the environment's first invocation. */
  readonly modelLoadMs: number | undefined;
  /** What was answered: one request, or the lines of a batch. None by a warm-up ping. */
  readonly answers: readonly { readonly path: string; readonly status: number }[];
  /** Streams that failed after they had begun. */
  readonly brokenStreams: number;
  /** What the invocation itself failed with, as its caller is told. */
  readonly failure: RequestError | undefined;
  readonly generations: readonly GenerationSummary[];
  /** Until the answer, or its stream, was over, in milliseconds. */
  readonly durationMs: number;
  /** Whether the stream ended before it was read to its end. */
  readonly abandoned: boolean;
}

/** How many requests failed, by whose fault it was. */
export function countErrors({ answers, brokenStreams }: Report): { client: number; server: number } {
  return {
    client: answers.filter(({ status }) => status >= 400 && status < 500).length,
    server: answers.filter(({ status }) => status >= 500).length + brokenStreams,
  };
}

/** The fields of the line that is logged of it. */
export function toLogFields(report: Report): LogFields {
  const { answers, brokenStreams, generations, durationMs, abandoned } = report;
  const [only, ...others] = answers;
  return {
    ...(others.length === 0 ? only : { answers: count(answers.map(({ status }) => String(status))) }),
    duration_ms: round(durationMs),
    ...(generations.length > 0 && toGenerationFields(generations)),
    ...(brokenStreams > 0 && { broken_streams: brokenStreams }),
    ...(abandoned && { abandoned }),
  };
}

/** Of several generations the sums, as the API's timings have them; of waits the longest, of first tokens the first. */
function toGenerationFields(generations: readonly GenerationSummary[]): LogFields {
  const timings = toTimings(generations);
  const begun = generations.filter(({ completionTokens }) => completionTokens > 0);
  return {
    generations: generations.length,
    prompt_tokens: timings.prompt_n,
    cached_tokens: timings.cache_n,
    completion_tokens: timings.predicted_n,
    wait_ms: round(Math.max(...generations.map(({ waitMs }) => waitMs))),
    ...(begun.length > 0 && { first_token_ms: round(Math.min(...begun.map(({ promptMs }) => promptMs))) }),
    tokens_per_second: round(timings.predicted_per_second),
    finish_reasons: count(generations.map(({ finishReason }) => finishReason)),
    ...(timings.deadline && { deadline: true }),
  };
}

function count(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

/** To hundredths: a line is paid for by its length. */
function round(number: number): number {
  return Math.round(number * 100) / 100;
}
