// The service that answers HTTP requests: the model, access rules and telemetry. Made once per process.
import type { ModelService } from '../api/service.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ApiKeySource } from './api-key-source.ts';
import type { Cors } from './cors.ts';
import type { RateLimit } from './rate-limit.ts';
import type { TokenBudget } from './token-budget.ts';

export interface Service extends ModelService {
  /** The key that HTTP requests must send. Default: none. Direct invokes need no key: AWS authorizes them. */
  readonly apiKey?: ApiKeySource | undefined;
  /** Absent: a caller may send any number of requests. */
  readonly rateLimit?: RateLimit | undefined;
  /** Absent: a caller may use any number of tokens. */
  readonly tokenBudget?: TokenBudget | undefined;
  /** Whether a field that this server does not know fails a request. Default: false, it is ignored. */
  readonly strictFields?: boolean;
  /** The web pages that may send requests from a browser. Default: none. */
  readonly cors?: Cors | undefined;
  /** The file of the playground. Default: none is served. Behind the front, that serves it. */
  readonly playground?: string | undefined;
  /** Whether invocations come from the front of port 8000, and the process goes on after each. Default: Lambda invokes. */
  readonly isBehindFront?: boolean;
  /** The most time for the answer to an invocation, in milliseconds. Default: all that the invocation has. */
  readonly invocationMs?: number | undefined;
  /** Observes invocations. Default: logs only failures, on the console. */
  readonly telemetry?: Telemetry | undefined;
}
