// An X-Ray subsegment for each invocation, by Powertools. In its own file, so that only traces load the SDK.
import { Tracer } from '@aws-lambda-powertools/tracer';
import { countErrors, type InvocationIdentity } from '../report.ts';
import type { Trace } from '../reporter.ts';

/**
 * Starts a subsegment for each traced invocation. It contains no event and no answer, and a failure only as
 * the caller receives it.
 */
export function createTracer(serviceName: string): (invocation: InvocationIdentity) => Trace {
  // A function's HTTP requests go to Lambda's runtime API, so they are not captured.
  const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
  // An untraced invocation is not an error. Powertools sets this only after it has loaded the SDK.
  tracer.provider.setContextMissingStrategy('IGNORE_ERROR');
  return ({ coldStart }) => {
    const shared = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
    if (shared === undefined) return () => {};
    // The SDK shares one segment between all invocations. It has the ids of the last invocation that read it.
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
