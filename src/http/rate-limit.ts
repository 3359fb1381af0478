// How many requests each caller may send a minute. In the memory of one process: on Lambda each environment counts by itself.
import { type Environment, readInteger } from '../config/environment.ts';
import { RequestError } from '../errors/request-error.ts';

const windowMs = 60_000;

/**
 * RATE_LIMIT: requests a minute of each API key. One more gets 429. Each process counts by itself, and the invoke URL is not
 * counted.
 */
export function readRateLimit(env: Environment): RateLimit | undefined {
  const most = readInteger(env, 'RATE_LIMIT', { min: 1, max: 1_000_000, default: undefined });
  return most === undefined ? undefined : new RateLimit(most);
}

export class RateLimit {
  readonly #most: number;
  readonly #now: () => number;
  #windowStart: number;
  /** Requests of the window by caller. */
  readonly #counts = new Map<string, number>();

  /** `now` returns milliseconds. */
  constructor(most: number, now: () => number = Date.now) {
    this.#most = most;
    this.#now = now;
    this.#windowStart = now();
  }

  /**
   * Counts a request.
   *
   * @throws {RequestError} `rate_limit_exceeded` when the caller has sent as many within the minute
   */
  take(caller: string): void {
    const now = this.#now();
    if (now - this.#windowStart >= windowMs) {
      this.#windowStart = now;
      this.#counts.clear();
    }
    const count = (this.#counts.get(caller) ?? 0) + 1;
    if (count > this.#most) {
      const seconds = Math.ceil((this.#windowStart + windowMs - now) / 1000);
      throw new RequestError(
        'rate_limit_exceeded',
        `This key may send ${this.#most} requests a minute. Try again in ${seconds} seconds.`,
        { headers: { 'retry-after': String(seconds) } },
      );
    }
    this.#counts.set(caller, count);
  }
}
