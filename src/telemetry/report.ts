// The report of an invocation that has ended.

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

/** Identifies the invocation of a function, or a request on port 8000. */
export interface InvocationIdentity {
  /** AWS's request id on Lambda, else a UUID. */
  readonly id: string;
  /** Absent on port 8000. */
  readonly lambda?: LambdaFunction | undefined;
  /** Absent on Lambda. The path has no query. */
  readonly request?: { readonly method: string; readonly path: string } | undefined;
  /** Whether the environment was initialised for this invocation. */
  readonly coldStart: boolean;
}

export interface Report extends InvocationIdentity {
  /** How long the model took to load, in milliseconds. Only the environment's first invocation has it. */
  readonly modelLoadMs: number | undefined;
  /** The answers: one for a request, one for each line of a batch, none for a warm-up ping. */
  readonly answers: readonly { readonly path: string; readonly status: number }[];
  /** The number of streams that failed after they had started. */
  readonly brokenStreams: number;
  /** The failure of the invocation, as its caller receives it. */
  readonly failure: RequestError | undefined;
  readonly generations: readonly GenerationSummary[];
  /** From the start to the end of the answer or its stream, in milliseconds. */
  readonly durationMs: number;
  /** Whether the client stopped reading the stream before its end. */
  readonly abandoned: boolean;
}

/** Counts the failed requests: 4xx as client errors, 5xx and broken streams as server errors. */
export function countErrors({ answers, brokenStreams }: Report): { client: number; server: number } {
  return {
    client: answers.filter(({ status }) => status >= 400 && status < 500).length,
    server: answers.filter(({ status }) => status >= 500).length + brokenStreams,
  };
}

/** The fields of the log line of an invocation. */
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

/** Sums up generations as the API's timings do. `wait_ms` is the longest, `first_token_ms` the shortest. */
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

/** Rounds to hundredths: CloudWatch charges log lines by their length. */
function round(number: number): number {
  return Math.round(number * 100) / 100;
}
