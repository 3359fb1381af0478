// What answers HTTP requests: the loaded model and who may use it, made once per process.
import type { ModelService } from '../api/service.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ApiKeySource } from './api-key.ts';
import type { Cors } from './cors.ts';

export interface Service extends ModelService {
  /** The key that HTTP requests must bring. Absent: none. AWS itself guards direct invokes. */
  readonly apiKey?: ApiKeySource | undefined;
  /** The web pages that may call. Absent: none. */
  readonly cors?: Cors | undefined;
  /** Observes requests. Default: only failures are logged, on the console. */
  readonly telemetry?: Telemetry | undefined;
}
