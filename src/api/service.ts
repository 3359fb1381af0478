// What every route works with: the loaded model, and what is particular to one invocation.
import type { ChatTemplate } from '../chat/chat-template.ts';
import type { Embedder } from '../engine/embedder.ts';
import type { Engine } from '../engine/engine.ts';
import type { ApiKeySource } from '../http/api-key.ts';
import type { Cors } from '../http/cors.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Transcript } from '../telemetry/transcript.ts';

/** One per environment, made outside the handler. */
export interface Service {
  readonly engine: Engine;
  /** The model's name, as `/v1/models` lists it. */
  readonly model: string;
  /** The model's, where it has one. */
  readonly chatTemplate?: ChatTemplate | undefined;
  /** For models that were made to embed or to rank. */
  readonly embedder?: Embedder | undefined;
  /** On a server on a port, and for each invocation on Lambda. */
  readonly metrics?: Metrics | undefined;
  /** For an invocation whose prompts and completions are logged. */
  readonly transcript?: Transcript | undefined;
  /** What watches invocations; else the console has their failures. */
  readonly telemetry?: Telemetry | undefined;
  /** Whether an image in a chat is replaced by a note that it was left out, rather than refused. */
  readonly imagePlaceholders?: boolean;
  /** The key that HTTP requests must bring; without one anyone may call. Direct invokes are AWS's to allow. */
  readonly apiKey?: ApiKeySource | undefined;
  /** Whose web pages may call. */
  readonly cors?: Cors | undefined;
}

/** Whatever differs between two invocations. Nothing of it may be drawn before the invocation starts. */
export interface Invocation {
  /** AWS's request id. */
  readonly requestId: string;
  readonly receivedAt: Date;
  /** Used when the request brings no seed. Unsigned 32-bit. */
  readonly seed: number;
  /** Whether it is the environment's first. */
  readonly coldStart: boolean;
  /** Seconds since the environment's process started. */
  readonly uptimeSeconds: number;
  /** Answers must be ready by then, in milliseconds of `performance.now()`. */
  readonly endBy?: number | undefined;
  /** Ends the generation: the client has left, or the answer can go nowhere any more. */
  readonly signal: AbortSignal;
}
