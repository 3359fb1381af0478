// The invocations of one environment, each observed from its start to the end of its answer.
import { performance } from 'node:perf_hooks';
import type { Context } from 'aws-lambda';
import { type RequestContext, toRequestContext } from '../generation/context.ts';
import type { Observation } from '../telemetry/observation.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

/** The time that Lambda needs to take a finished answer, in milliseconds. */
const answeringMs = 150;

/** One of the requests of an invocation. */
export interface InvocationPart {
  /** Default: the invocation's id. */
  readonly id?: string;
  /** Default: the time that the invocation has left, in milliseconds. */
  readonly remainingMs?: number;
  /** Aborted when the answer has ended, in whatever way. */
  readonly finished?: AbortSignal;
}

export class Invocations {
  readonly #telemetry: Telemetry;
  readonly #observations = new WeakMap<object, Observation>();

  constructor(telemetry = new Telemetry()) {
    this.#telemetry = telemetry;
  }

  /** Begins to observe an invocation. */
  begin(context: Context): Observation {
    const { awsRequestId: id, functionName: name, invokedFunctionArn: arn, memoryLimitInMB } = context;
    const observation = this.#telemetry.begin({ id, lambda: { name, arn, memory: Number(memoryLimitInMB) } });
    this.#observations.set(context, observation);
    return observation;
  }

  /** The observation of an invocation that has begun. */
  of(context: Context): Observation {
    return this.#observations.get(context) ?? this.begin(context);
  }

  /** The context of a request that an invocation brings. */
  toRequestContext(
    context: Context,
    {
      id,
      remainingMs = context.getRemainingTimeInMillis(),
      finished = new AbortController().signal,
    }: InvocationPart = {},
  ): RequestContext {
    return toRequestContext(this.of(context), {
      ...(id !== undefined && { id }),
      endBy: performance.now() + remainingMs - answeringMs,
      signal: finished,
    });
  }
}
