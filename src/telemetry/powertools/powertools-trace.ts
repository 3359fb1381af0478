// A subsegment of X-Ray for each invocation, by Powertools. A file of its own, so that the SDK is loaded where traces are on.
import { Tracer } from '@aws-lambda-powertools/tracer';
import { countErrors, type InvocationIdentity } from '../report.ts';
import type { Trace } from '../reporter.ts';

/**
 * Begins a subsegment for each invocation that is traced. Neither events nor answers are added to it, and of a failure what its
 * caller is told.
 */
export function createTracer(serviceName: string): (invocation: InvocationIdentity) => Trace {
  // What a function calls is the runtime's own interface.
  const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
  // An invocation that is not traced is no error; Powertools means to say so, but only once the SDK is loaded.
  tracer.provider.setContextMissingStrategy('IGNORE_ERROR');
  return ({ coldStart }) => {
    const shared = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
    if (shared === undefined) return () => {};
    // The SDK has one segment for all invocations, with the ids of the one that asked for it last.
    const { id, trace_id, notTraced } = shared as typeof shared & { trace_id?: string };
    const segment: typeof shared = Object.assign(Object.create(shared), { id, trace_id, notTraced });
    const subsegment = segment.addNewSubsegment(`## ${process.env._HANDLER}`);
    subsegment.addAnnotation('ColdStart', coldStart);
    subsegment.addAnnotation('Service', serviceName);
    return (report) => {
      const { client, server } = countErrors(report);
      if (report.answers.some(({ status }) => status === 429)) subsegment.addThrottleFlag();
      if (client > 0) subsegment.addErrorFlag();
      if (server > 0) subsegment.addFaultFlag();
      subsegment.close(server > 0 ? report.failure : undefined);
    };
  };
}
