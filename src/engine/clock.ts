/** Tells the time on a monotonic clock; `performance` is one. */
export interface Clock {
  /** Milliseconds since a moment that never changes. */
  now(): number;
}
