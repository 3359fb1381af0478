// One invocation, watched: what it did is collected, and told when it is over. Nothing is kept of what others do at the same
// time, so that several may run at once in a process.
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
  /** In milliseconds, where this invocation is to tell it. */
  readonly modelLoadMs: number | undefined;
}

/** What takes note of what the routes do. */
interface Watched {
  readonly metrics?: Metrics | undefined;
  readonly transcript?: Transcript | undefined;
}

export class Observation {
  readonly log: Log;
  readonly #options: ObservationOptions;
  readonly #startedAt = performance.now();
  readonly #transcript: Transcript | undefined;
  readonly #trace: Trace | undefined;
  readonly #answers: { path: string; status: number }[] = [];
  readonly #generations: GenerationSummary[] = [];
  #brokenStreams = 0;
  #failure: RequestError | undefined;
  #isOver = false;

  constructor(options: ObservationOptions) {
    const { reporter, identity, logPrompts } = options;
    this.#options = options;
    this.#trace = reporter.trace?.(identity);
    this.log = reporter.logOf(identity);
    this.#transcript = logPrompts ? createTranscript(this.log) : undefined;
  }

  /** The service for this invocation alone: what its routes do is noted here, and by the service's own metrics. */
  watch<Service extends Watched>(service: Service): Service {
    const { metrics: own } = service;
    const metrics: Metrics = {
      generated: (summary) => {
        this.#generations.push(summary);
        own?.generated(summary);
      },
      answered: (path, status) => {
        this.#answers.push({ path, status });
        own?.answered(path, status);
      },
      broken: (path) => {
        this.#brokenStreams += 1;
        own?.broken(path);
      },
      ...(own?.expose && { expose: own.expose.bind(own) }),
    };
    return { ...service, metrics, transcript: this.#transcript };
  }

  /** The invocation itself failed; what nobody expected is logged whole. */
  fail(error: unknown): void {
    if (!(error instanceof RequestError)) this.log.error(error);
    this.#failure = toRequestError(error);
    this.#answers.push({ path: 'direct', status: this.#failure.status });
  }

  /** Tells of the invocation. To be called when its answer, or its stream, is over. Never throws. */
  end({ abandoned = false }: { abandoned?: boolean } = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#tell(abandoned);
    } catch (error) {
      // The answer is worth more than what is told of it.
      this.log.error(error);
    }
  }

  #tell(abandoned: boolean): void {
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
