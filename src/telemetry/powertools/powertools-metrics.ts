// Metrics for CloudWatch by service and function. Powertools prints them in the embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { GenerationSummary } from '../../engine/engine.ts';
import { toTokensPerSecond } from '../metrics.ts';
import { countErrors, type Report } from '../report.ts';

export class PowertoolsMetrics {
  readonly #serviceName: string;
  readonly #namespace: string;
  #metrics: Metrics | undefined;

  constructor(serviceName: string, namespace: string) {
    this.#serviceName = serviceName;
    this.#namespace = namespace;
  }

  /** Prints all metrics of an invocation at once, because other invocations may be running. */
  publish(report: Report): void {
    const { lambda, coldStart, modelLoadMs, answers, generations } = report;
    this.#metrics ??= new Metrics({
      serviceName: this.#serviceName,
      namespace: this.#namespace,
      defaultDimensions: { function_name: lambda?.name ?? 'server' },
    });
    const metrics = this.#metrics;
    if (coldStart) metrics.addMetric('ColdStart', MetricUnit.Count, 1);
    if (modelLoadMs !== undefined) metrics.addMetric('ModelLoad', MetricUnit.Milliseconds, modelLoadMs);
    if (answers.length > 0) {
      const { client, server } = countErrors(report);
      metrics.addMetric('Requests', MetricUnit.Count, answers.length);
      metrics.addMetric('ClientErrors', MetricUnit.Count, client);
      metrics.addMetric('ServerErrors', MetricUnit.Count, server);
    }
    for (const generation of generations) addGeneration(metrics, generation);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }
}

function addGeneration(metrics: Metrics, summary: GenerationSummary): void {
  const { promptTokens, cachedTokens, completionTokens, waitMs, promptMs } = summary;
  const tokensPerSecond = toTokensPerSecond(summary);
  // PromptTokens counts the evaluated tokens only; with CachedTokens they are the whole prompt.
  metrics.addMetric('PromptTokens', MetricUnit.Count, promptTokens);
  metrics.addMetric('CachedTokens', MetricUnit.Count, cachedTokens);
  metrics.addMetric('CacheHits', MetricUnit.Count, cachedTokens > 0 ? 1 : 0);
  metrics.addMetric('CompletionTokens', MetricUnit.Count, completionTokens);
  metrics.addMetric('QueueWait', MetricUnit.Milliseconds, waitMs);
  if (completionTokens > 0) metrics.addMetric('TimeToFirstToken', MetricUnit.Milliseconds, promptMs);
  if (tokensPerSecond !== undefined)
    metrics.addMetric('TokensPerSecond', MetricUnit.CountPerSecond, tokensPerSecond);
}
