// What every route works with: the loaded model, and what is particular to one invocation.
import type { Engine } from '../engine/engine.ts';

/** One per environment, made outside the handler. */
export interface Service {
  readonly engine: Engine;
  /** The model's name, as `/v1/models` lists it. */
  readonly model: string;
  /** The key that HTTP requests must bring; without one anyone may call. Direct invokes are AWS's to allow. */
  readonly apiKey?: string | undefined;
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
  /** Ends the generation: the client has left, or the answer can go nowhere any more. */
  readonly signal: AbortSignal;
}
