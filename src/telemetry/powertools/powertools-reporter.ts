// Telemetry by Powertools for AWS Lambda: JSON log lines, embedded metrics and X-Ray traces.
// https://docs.powertools.aws.dev/lambda/typescript/latest/
import type { PowertoolsConfig } from '../../config/telemetry.ts';
import { toLogFields } from '../report.ts';
import type { Reporter } from '../reporter.ts';
import { createEnvironmentLog, createInvocationLog } from './powertools-log.ts';
import { PowertoolsMetrics } from './powertools-metrics.ts';

export async function loadPowertools({ service, namespace, traces }: PowertoolsConfig): Promise<Reporter> {
  const metrics = new PowertoolsMetrics(service, namespace);
  return {
    log: createEnvironmentLog(service),
    logOf: (invocation) => createInvocationLog(service, invocation),
    // The tracer is by far the largest of the three, so it is loaded only when traces are on.
    ...(traces && { trace: (await import('./powertools-trace.ts')).createTracer(service) }),
    report: (report, log) => {
      metrics.publish(report);
      if (report.answers.length > 0) log.info('Answered.', toLogFields(report));
    },
  };
}
