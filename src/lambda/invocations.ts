// Observes the invocations of one environment and creates the contexts of their requests.
import type { Context } from 'aws-lambda';
import { type RequestContext, toRequestContext } from '../generation/context.ts';
import type { Observation } from '../telemetry/observation.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

/** The options of one request of an invocation. */
export interface InvocationPart {
  /** Default: the invocation's id. */
  readonly id?: string;
  /** The time left for the request, in milliseconds. Default: the time left for the invocation, within `longestMs`. */
  readonly remainingMs?: number;
  /** As in {@link RequestContext}. */
  readonly tenant?: string;
  /** Aborted when the answer has ended, by success or failure. */
  readonly finished?: AbortSignal;
}

export interface InvocationsOptions {
  readonly telemetry?: Telemetry | undefined;
  /** The most time for an answer, in milliseconds. Default: all that its invocation has. */
  readonly longestMs?: number | undefined;
}

export class Invocations {
  readonly #telemetry: Telemetry;
  readonly #longestMs: number;
  readonly #observations = new WeakMap<object, Observation>();

  constructor({
    telemetry = new Telemetry(),
    longestMs = Number.POSITIVE_INFINITY,
  }: InvocationsOptions = {}) {
    this.#telemetry = telemetry;
    this.#longestMs = longestMs;
  }

  /** Starts to observe an invocation. */
  begin(context: Context): Observation {
    const { awsRequestId: id, functionName: name, invokedFunctionArn: arn, memoryLimitInMB } = context;
    const observation = this.#telemetry.begin({ id, lambda: { name, arn, memory: Number(memoryLimitInMB) } });
    this.#observations.set(context, observation);
    return observation;
  }

  /** Returns the observation of an invocation. */
  of(context: Context): Observation {
    return this.#observations.get(context) ?? this.begin(context);
  }

  /** Creates the context of a request of an invocation. */
  toRequestContext(
    context: Context,
    {
      id,
      tenant,
      remainingMs = Math.min(context.getRemainingTimeInMillis(), this.#longestMs),
      finished = new AbortController().signal,
    }: InvocationPart = {},
  ): RequestContext {
    return toRequestContext(this.of(context), {
      ...(id !== undefined && { id }),
      tenant,
      remainingMs,
      signal: finished,
    });
  }
}
