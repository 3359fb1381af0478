// What a function logs and measures.
import { type Environment, readFlag, readText } from './environment.ts';

/** Where Powertools for AWS Lambda is used; it reads its other variables, such as POWERTOOLS_LOG_LEVEL, itself. */
export interface PowertoolsConfig {
  /** POWERTOOLS_SERVICE_NAME: writes the log as JSON, and metrics for CloudWatch, under this name. */
  readonly service: string;
  /** POWERTOOLS_METRICS_NAMESPACE: the namespace of the metrics in CloudWatch. */
  readonly namespace: string;
  /** POWERTOOLS_TRACE_ENABLED: `true` traces invocations by X-Ray. */
  readonly traces: boolean;
}

export interface TelemetryConfig {
  /** Where POWERTOOLS_SERVICE_NAME is set. */
  readonly powertools: PowertoolsConfig | undefined;
  /** LOG_PROMPTS: `true` logs prompts and completions, and warns about it. */
  readonly logPrompts: boolean;
}

/** @throws {ConfigurationError} naming the variable that is malformed */
export function readTelemetryConfig(env: Environment): TelemetryConfig {
  const service = readText(env, 'POWERTOOLS_SERVICE_NAME', undefined);
  const traces = readFlag(env, 'POWERTOOLS_TRACE_ENABLED');
  const namespace = readText(env, 'POWERTOOLS_METRICS_NAMESPACE', 'gguf-lambda');
  return {
    powertools: service === undefined ? undefined : { service, namespace, traces },
    logPrompts: readFlag(env, 'LOG_PROMPTS'),
  };
}
