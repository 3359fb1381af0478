// The context of a request: everything that differs between two requests.
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Observation } from '../telemetry/observation.ts';
import type { Transcript } from '../telemetry/transcript.ts';
import type { ForeignFields } from './foreign-fields.ts';

/**
 * Created when a request arrives, never earlier. SnapStart would copy an id or a seed drawn during
 * initialisation into every environment.
 */
export interface RequestContext {
  /** AWS's request id on Lambda, else a UUID. */
  readonly id: string;
  readonly receivedAt: Date;
  /** The seed of a request that sets none. Unsigned 32-bit. */
  readonly seed: number;
  /** Whether the environment was initialised for this request. */
  readonly coldStart: boolean;
  /** The deadline of the answer, in milliseconds of `performance.now()`. Default: no deadline. */
  readonly endBy?: number | undefined;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
  /** Who asks, for whom ends of conversations may be kept. Absent: for nobody, as in batches. */
  readonly tenant?: string | undefined;
  readonly log: Log;
  /** Records the fields that are ignored. Default: nothing records them. */
  readonly foreignFields?: ForeignFields | undefined;
  readonly metrics?: Metrics | undefined;
  /** Counts tokens that the request uses, as soon as it has used them. Default: nothing counts them. */
  readonly spend?: ((tokens: number) => void) | undefined;
  /** Present when LOG_PROMPTS allows logging prompts and completions. */
  readonly transcript?: Transcript | undefined;
}

/** The time reserved for sending the answer before the request's time is up, in milliseconds. */
const responseReserveMs = 150;

/** Returns the deadline of an answer, in milliseconds of `performance.now()`. */
export function toEndBy(remainingMs: number): number {
  return performance.now() + remainingMs - responseReserveMs;
}

/** What the source of a request sets. */
export interface RequestOptions extends Pick<RequestContext, 'signal' | 'tenant'> {
  /** Default: the id of the observed invocation. */
  readonly id?: string;
  /** The time left for the request, in milliseconds. Absent: no limit. */
  readonly remainingMs?: number;
}

/** Creates the context of a request that has just arrived. Draws its seed. */
export function toRequestContext(
  { identity, log, metrics, transcript }: Observation,
  { id = identity.id, remainingMs, signal, tenant }: RequestOptions,
): RequestContext {
  return {
    id,
    receivedAt: new Date(),
    seed: randomInt(2 ** 32),
    coldStart: identity.coldStart,
    endBy: remainingMs === undefined ? undefined : toEndBy(remainingMs),
    signal,
    tenant,
    log,
    metrics,
    transcript,
  };
}
