// What an environment tells of its invocations: lines in a log, metrics, traces.
import type { Context } from 'aws-lambda';
import { Observation } from './observation.ts';
import { consoleReporter, type Reporter } from './reporter.ts';

export interface TelemetryOptions {
  readonly reporter?: Reporter;
  /** Whether prompts and completions are logged. Default false. */
  readonly logPrompts?: boolean;
  /** How long the model took to load, in milliseconds; none where a snapshot was restored that had it. */
  readonly modelLoadMs?: number | undefined;
  /** Whether environments are set up before an invocation is there to wait for them. Default false. */
  readonly setUpAhead?: boolean;
}

export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #observations = new WeakMap<Context, Observation>();
  #isFirst = true;

  constructor(options: TelemetryOptions = {}) {
    this.#options = options;
  }

  /** Begins to watch an invocation, a warm-up ping too. */
  begin(context: Context): Observation {
    const { reporter = consoleReporter, logPrompts = false, modelLoadMs, setUpAhead = false } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const observation = new Observation({
      reporter,
      identity: { context, coldStart: isFirst && !setUpAhead },
      logPrompts,
      modelLoadMs: isFirst ? modelLoadMs : undefined,
    });
    this.#observations.set(context, observation);
    return observation;
  }

  /** What watches an invocation that has begun. */
  of(context: Context): Observation {
    return this.#observations.get(context) ?? this.begin(context);
  }
}
