// What an environment reports of its invocations: lines in a log, metrics, traces.
import type { Metrics } from './metrics.ts';
import { Observation } from './observation.ts';
import type { InvocationIdentity } from './report.ts';
import { consoleReporter, type Reporter } from './reporter.ts';

export interface TelemetryOptions {
  readonly reporter?: Reporter;
  /** Whether prompts and completions are logged. Default false. */
  readonly logPrompts?: boolean;
  /** How long the model took to load, in milliseconds. Absent in an environment that was restored from a snapshot. */
  readonly modelLoadMs?: number | undefined;
  /** Whether the environment was initialised before any invocation came. Default false. */
  readonly initializedAhead?: boolean;
  /** Counts for the whole process. */
  readonly metrics?: Metrics | undefined;
}

export class Telemetry {
  readonly #options: TelemetryOptions;
  #isFirst = true;

  constructor(options: TelemetryOptions = {}) {
    this.#options = options;
  }

  /**
   * Begins to observe an invocation, a warm-up ping included. This is the one place that decides about cold starts: the first
   * invocation is one, unless the environment was initialised before it came.
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
