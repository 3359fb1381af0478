// The events that metrics count. None has a prompt or a generated text.
import type { GenerationSummary } from '../engine/engine.ts';

/** Counts events. */
export interface Metrics {
  /** Counts a generation that ended. */
  generated(summary: GenerationSummary): void;
  /**
   * Counts a request when its answer is ready or its stream starts. `path` is a route's path, or `direct`.
   */
  answered(path: string, status: number): void;
  /** Counts a stream that failed after it had started. `path` is the path of a route, or `direct`. */
  broken(path: string): void;
  /** Returns all metrics in Prometheus's text format. Only a server on a port has it. */
  expose?(): Promise<{ text: string; contentType: string }>;
}

/** As nginx counts a client that disconnects before its answer is complete. */
const clientDisconnectedStatus = 499;

/** Returns the status of an answer as metrics and logs have it. */
export function toRecordedStatus(status: number, hasDisconnected: boolean): number {
  return hasDisconnected ? clientDisconnectedStatus : status;
}

/**
 * The tokens that a generation decoded per second. The prompt's time includes the first token, so fewer than
 * two tokens have no rate.
 */
export function toTokensPerSecond({ completionTokens, completionMs }: GenerationSummary): number | undefined {
  return completionTokens > 1 && completionMs > 0
    ? ((completionTokens - 1) * 1000) / completionMs
    : undefined;
}
