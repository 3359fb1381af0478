// Everything that differs between two requests.
import { randomInt } from 'node:crypto';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Observation } from '../telemetry/observation.ts';
import type { Transcript } from '../telemetry/transcript.ts';

/**
 * Made when a request arrives and never before: an id or a seed that was drawn during initialisation would be the same in
 * every environment restored from one snapshot.
 */
export interface RequestContext {
  /** AWS's request id, or a UUID. */
  readonly id: string;
  readonly receivedAt: Date;
  /** Unsigned 32-bit; used where the request brings no seed. */
  readonly seed: number;
  /** Whether the environment was initialised for this request. */
  readonly coldStart: boolean;
  /** The deadline of the answer, in milliseconds of `performance.now()`. Absent: none. */
  readonly endBy?: number | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
  /** Present where LOG_PROMPTS allows prompts and completions to be logged. */
  readonly transcript?: Transcript | undefined;
}

/** What an adapter knows of a request; {@link RequestContext} describes the fields. */
export type RequestOptions = Pick<RequestContext, 'endBy' | 'signal'> & {
  /** Default: the id of the observed invocation. */
  readonly id?: string;
};

/** The context of a request that arrives now, with its own seed. */
export function toRequestContext(
  { identity, log, metrics, transcript }: Observation,
  { id = identity.id, endBy, signal }: RequestOptions,
): RequestContext {
  return {
    id,
    receivedAt: new Date(),
    seed: randomInt(2 ** 32),
    coldStart: identity.coldStart,
    endBy,
    signal,
    log,
    metrics,
    transcript,
  };
}
