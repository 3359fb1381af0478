// Observes the invocations of one environment, for logs, metrics and traces.
import type { Metrics } from './metrics.ts';
import { Observation } from './observation.ts';
import type { InvocationIdentity } from './report.ts';
import { consoleReporter, type Reporter } from './reporter.ts';

export interface TelemetryOptions {
  readonly reporter?: Reporter;
  /** Whether prompts and completions are logged. Default false. */
  readonly logPrompts?: boolean;
  /** How long the model took to load, in milliseconds. Absent when a snapshot restored the environment. */
  readonly modelLoadMs?: number | undefined;
  /** Whether the environment was initialised before its first invocation arrived. Default false. */
  readonly initializedAhead?: boolean;
  /** The metrics of the whole process. */
  readonly metrics?: Metrics | undefined;
}

export class Telemetry {
  readonly #options: TelemetryOptions;
  #isFirst = true;

  constructor(options: TelemetryOptions = {}) {
    this.#options = options;
  }

  /**
   * Starts to observe an invocation or a warm-up ping. Only this method decides about cold starts: the first
   * invocation is one, unless the environment was initialised before it arrived.
   */
  begin(invocation: Omit<InvocationIdentity, 'coldStart'>): Observation {
    const {
      reporter = consoleReporter,
      logPrompts = false,
      modelLoadMs,
      initializedAhead = false,
      metrics,
    } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return new Observation({
      reporter,
      identity: { ...invocation, coldStart: isFirst && !initializedAhead },
      logPrompts,
      modelLoadMs: isFirst ? modelLoadMs : undefined,
      processMetrics: metrics,
    });
  }
}
