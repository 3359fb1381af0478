// Telemetry by Powertools for AWS Lambda: lines of JSON, metrics in the embedded metric format, and X-Ray where it is on.
// https://docs.powertools.aws.dev/lambda/typescript/latest/
import type { PowertoolsConfig } from '../../config/config.ts';
import { toLogFields } from '../report.ts';
import type { Reporter } from '../reporter.ts';
import { createEnvironmentLog, createInvocationLog } from './powertools-log.ts';
import { PowertoolsMetrics } from './powertools-metrics.ts';

export async function loadPowertools({ service, namespace, traces }: PowertoolsConfig): Promise<Reporter> {
  const metrics = new PowertoolsMetrics(service, namespace);
  return {
    log: createEnvironmentLog(service),
    logOf: (invocation) => createInvocationLog(service, invocation),
    // By far the largest of the three: whoever does not trace need not load it.
    ...(traces && { trace: (await import('./powertools-trace.ts')).createTracer(service) }),
    report: (report, log) => {
      metrics.publish(report);
      if (report.answers.length > 0) log.info('Answered.', toLogFields(report));
    },
  };
}
