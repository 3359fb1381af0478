// How many requests each caller may send a minute.
import { type Environment, readInteger } from '../config/environment.ts';
import { RequestError } from '../errors/request-error.ts';
import { WindowCount } from './window-count.ts';

const windowMs = 60_000;

/**
 * RATE_LIMIT: requests a minute of each API key, those of the invoke URL too. One more gets 429. Each process counts by itself.
 *
 * @see docs/configuration.md#limits-of-a-key
 */
export function readRateLimit(env: Environment): RateLimit | undefined {
  const most = readInteger(env, 'RATE_LIMIT', { min: 1, max: 1_000_000, default: undefined });
  return most === undefined ? undefined : new RateLimit(most);
}

export class RateLimit {
  readonly #most: number;
  readonly #requests: WindowCount;

  /** `now` returns milliseconds. */
  constructor(most: number, now: () => number = Date.now) {
    this.#most = most;
    this.#requests = new WindowCount(windowMs, now);
  }

  /**
   * Counts a request.
   *
   * @throws {RequestError} `rate_limit_exceeded` when the caller has sent as many within the minute
   */
  take(caller: string): void {
    if (this.#requests.of(caller) >= this.#most) {
      const seconds = this.#requests.secondsLeft;
      throw new RequestError(
        'rate_limit_exceeded',
        `This key may send ${this.#most} requests a minute. Try again in ${seconds} seconds.`,
        { headers: { 'retry-after': String(seconds) } },
      );
    }
    this.#requests.add(caller, 1);
  }
}
