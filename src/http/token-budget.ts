// How many tokens each caller may use in an hour or a day, as `usage` counts them: of prompts, cached ones too, and of answers.
import { ConfigurationError, type Environment, readText } from '../config/environment.ts';
import { RequestError } from '../errors/request-error.ts';
import { WindowCount } from './window-count.ts';

const windows = { hour: 3_600_000, day: 86_400_000 } as const;
type Window = keyof typeof windows;

const mostTokens = 1_000_000_000_000;

/**
 * TOKEN_BUDGET: tokens that each API key may use in an hour or a day, such as `200000/hour`. Then its requests get 429.
 *
 * @see docs/configuration.md#limits-of-a-key
 * @throws {ConfigurationError} when the value cannot be used
 */
export function readTokenBudget(env: Environment): TokenBudget | undefined {
  const text = readText(env, 'TOKEN_BUDGET', undefined);
  if (text === undefined) return undefined;
  const [, tokens, window] = /^([1-9]\d*)\/(hour|day)$/.exec(text) ?? [];
  if (window === undefined || Number(tokens) > mostTokens)
    throw new ConfigurationError('TOKEN_BUDGET', text, 'tokens an hour or a day, such as 200000/hour');
  return new TokenBudget(Number(tokens), window as Window);
}

export class TokenBudget {
  readonly #most: number;
  readonly #window: Window;
  readonly #used: WindowCount;

  /** `now` returns milliseconds. */
  constructor(most: number, window: Window, now: () => number = Date.now) {
    this.#most = most;
    this.#window = window;
    this.#used = new WindowCount(windows[window], now);
  }

  /**
   * Asserts that a caller has tokens left. A request that has begun is answered whole, so a caller may use more than its budget
   * by what its last requests use.
   *
   * @throws {RequestError} `token_budget_exceeded`
   */
  assertLeft(caller: string): void {
    if (this.#used.of(caller) < this.#most) return;
    const seconds = this.#used.secondsLeft;
    throw new RequestError(
      'token_budget_exceeded',
      `This key may use ${this.#most} tokens ${this.#window === 'hour' ? 'an hour' : 'a day'}, and has used them. Try again in ${seconds} seconds.`,
      { headers: { 'retry-after': String(seconds) } },
    );
  }

  /** Counts tokens that were used for a caller. */
  spend(caller: string, tokens: number): void {
    this.#used.add(caller, tokens);
  }
}
