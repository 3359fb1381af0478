// One invocation at a time, first come first served: the emulator crashes on two at once.

/** The queue has as many waiting as it may. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  /** When it is worth trying again: whole seconds, at least one. */
  readonly retryAfterSeconds: number;

  constructor(limit: number, retryAfterSeconds: number) {
    super(`${limit} invocations are waiting already.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The queue was closed before the invocation began. */
export class QueueClosedError extends Error {
  override readonly name = 'QueueClosedError';
}

interface Waiting {
  readonly start: () => void;
  readonly drop: (reason: unknown) => void;
}

export interface InvocationQueueOptions {
  /** How many may wait while one runs. */
  readonly limit: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
}

// The weight of the newest duration in the running mean.
const newestWeight = 0.3;

/** A bounded queue that runs one task at a time. */
export class InvocationQueue {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #waiting: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  #running = false;
  #closed = false;
  #meanDuration = 0;

  constructor({ limit, now }: InvocationQueueOptions) {
    this.#limit = limit;
    this.#now = now;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether a task runs. */
  get isRunning(): boolean {
    return this.#running;
  }

  /**
   * Runs a task when its turn comes and settles as it does. Aborting the signal takes it from the queue;
   * a task that has begun is not disturbed, and the next one waits for its end.
   *
   * @throws {QueueFullError} when too many wait
   * @throws {QueueClosedError} when the queue is closed before the task begins
   */
  run<Result>(task: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new QueueClosedError();
      signal.throwIfAborted();
      if (this.#running && this.#waiting.length >= this.#limit) {
        throw new QueueFullError(this.#limit, this.#secondsUntilRoom());
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        start: () => {
          signal.removeEventListener('abort', leave);
          void this.#measure(task).then(resolve, reject);
        },
        drop: (reason) => {
          signal.removeEventListener('abort', leave);
          reject(reason);
        },
      };
      if (!this.#running) {
        waiting.start();
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  /** Refuses whatever waits and whatever comes; the task that runs goes on. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.drop(new QueueClosedError());
  }

  /** Settles when no task runs or waits. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running) this.#idle.push(resolve);
      else resolve();
    });
  }

  async #measure<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#running = true;
    const start = this.#now();
    try {
      return await task();
    } finally {
      const duration = this.#now() - start;
      this.#meanDuration ||= duration;
      this.#meanDuration += newestWeight * (duration - this.#meanDuration);
      this.#running = false;
      const next = this.#waiting.shift();
      if (next) next.start();
      else for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** A place is free when one invocation ends. */
  #secondsUntilRoom(): number {
    return Math.max(1, Math.ceil(this.#meanDuration / 1000));
  }
}
