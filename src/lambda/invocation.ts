// What is particular to one invocation, drawn when it starts and never before: what is drawn while an environment
// is set up is the same in every copy that is restored from its snapshot.
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Context } from 'aws-lambda';
import type { Invocation } from '../api/service.ts';

/** What Lambda needs to take an answer that is ready, in milliseconds. */
const answeringMs = 150;

/** Lambda's context; the local front adds a signal that tells when the client has left. */
export type InvocationContext = Context & { readonly clientLeft?: AbortSignal };

/** Counts the invocations of an environment, to tell its first from the others, which may have begun before it is asked. */
export class InvocationCounter {
  readonly #numbers = new WeakMap<object, number>();
  #count = 0;

  /** To be called when an invocation starts, a warm-up ping too. */
  readonly increment = ({ context }: { context: object }): void => {
    this.#count += 1;
    this.#numbers.set(context, this.#count);
  };

  /** `finished` is aborted when the answer is over, however that came about. */
  toInvocation(context: InvocationContext, finished?: AbortSignal): Invocation {
    const { awsRequestId, clientLeft } = context;
    return {
      requestId: awsRequestId,
      receivedAt: new Date(),
      seed: randomInt(2 ** 32),
      coldStart: (this.#numbers.get(context) ?? this.#count) === 1,
      uptimeSeconds: process.uptime(),
      endBy: performance.now() + context.getRemainingTimeInMillis() - answeringMs,
      signal: AbortSignal.any([clientLeft, finished].filter((signal) => signal !== undefined)),
    };
  }
}
