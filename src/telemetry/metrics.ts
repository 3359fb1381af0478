// What the routes tell of their work, for whoever counts it: no prompt and no text.
import type { GenerationSummary } from '../engine/engine.ts';

/** Takes note of what happens. */
export interface Metrics {
  /** A generation ended. */
  generated(summary: GenerationSummary): void;
  /** A request was answered, or its stream began; `path` is one of the routes', or `direct`. */
  answered(path: string, status: number): void;
  /** A stream failed after it had begun; `path` as above. */
  broken(path: string): void;
  /** All of it, in Prometheus's text format, where it is kept for that. */
  expose?(): Promise<{ text: string; contentType: string }>;
}

/** Tokens that a generation decoded in a second; the first is part of the prompt's time. None of fewer than two. */
export function toTokensPerSecond({ completionTokens, completionMs }: GenerationSummary): number | undefined {
  return completionTokens > 1 && completionMs > 0
    ? ((completionTokens - 1) * 1000) / completionMs
    : undefined;
}
