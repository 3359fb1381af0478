// Collects the facts of one invocation and reports them at its end. A process may run several invocations at
// once, so each has its own observation.
import { performance } from 'node:perf_hooks';
import type { GenerationSummary } from '../engine/engine.ts';
import { RequestError, toRequestError } from '../errors/request-error.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { InvocationIdentity, Report } from './report.ts';
import type { Reporter, Trace } from './reporter.ts';
import { createTranscript, type Transcript } from './transcript.ts';

export interface ObservationOptions {
  readonly reporter: Reporter;
  readonly identity: InvocationIdentity;
  readonly logPrompts: boolean;
  /** In milliseconds. Only the environment's first invocation reports it. */
  readonly modelLoadMs: number | undefined;
  /** The metrics of the whole process. They count this invocation too. */
  readonly processMetrics: Metrics | undefined;
}

export class Observation {
  readonly identity: InvocationIdentity;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Present when LOG_PROMPTS allows logging prompts and completions. */
  readonly transcript: Transcript | undefined;
  readonly #options: ObservationOptions;
  readonly #startedAt = performance.now();
  readonly #trace: Trace | undefined;
  readonly #answers: { path: string; status: number }[] = [];
  readonly #generations: GenerationSummary[] = [];
  #brokenStreams = 0;
  #failure: RequestError | undefined;
  #hasEnded = false;

  constructor(options: ObservationOptions) {
    const { reporter, identity, logPrompts, processMetrics } = options;
    this.#options = options;
    this.identity = identity;
    this.#trace = reporter.trace?.(identity);
    this.log = reporter.logOf(identity);
    this.metrics = this.#observe(processMetrics);
    this.transcript = logPrompts ? createTranscript(this.log) : undefined;
  }

  /** Records that the invocation failed. Logs an unexpected error with its stack. */
  fail(error: unknown): void {
    if (!(error instanceof RequestError)) this.log.error(error);
    this.#failure = toRequestError(error);
    this.#answers.push({ path: 'direct', status: this.#failure.status });
  }

  /** Reports the invocation once its answer or its stream has ended. Never throws. */
  end({ abandoned = false }: { abandoned?: boolean } = {}): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    try {
      this.#report(abandoned);
    } catch (error) {
      // A failed report must not fail the answer.
      this.log.error(error);
    }
  }

  #observe(processMetrics: Metrics | undefined): Metrics {
    return {
      generated: (summary) => {
        this.#generations.push(summary);
        processMetrics?.generated(summary);
      },
      answered: (path, status) => {
        this.#answers.push({ path, status });
        processMetrics?.answered(path, status);
      },
      broken: (path) => {
        this.#brokenStreams += 1;
        processMetrics?.broken(path);
      },
      ...(processMetrics?.expose && { expose: processMetrics.expose.bind(processMetrics) }),
    };
  }

  #report(abandoned: boolean): void {
    const { identity, modelLoadMs, reporter } = this.#options;
    const report: Report = {
      ...identity,
      modelLoadMs,
      answers: this.#answers,
      brokenStreams: this.#brokenStreams,
      failure: this.#failure,
      generations: this.#generations,
      durationMs: performance.now() - this.#startedAt,
      abandoned,
    };
    this.#trace?.(report);
    reporter.report?.(report, this.log);
  }
}
