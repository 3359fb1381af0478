// The port between the store and its sources: what a source is given, what it returns.
import type { Expectation } from './verify.ts';

/** How much of a transfer is done, in bytes; `totalBytes` is null while nobody knows it. */
export interface TransferProgress {
  readonly transferredBytes: number;
  readonly totalBytes: number | null;
}

/** What a source may use while it works. */
export interface TransferContext {
  /** What the files must be, so that a source which publishes other figures is refused before a byte moves. */
  readonly expected: Expectation;
  /** Whether a file of this machine is linked to instead of copied. Default false. */
  readonly link?: boolean;
  /** Called as bytes arrive. */
  readonly onProgress: (progress: TransferProgress) => void;
  /** Called with one line about a step that has no bytes to count. */
  readonly report: (line: string) => void;
  /** Ends the transfer; what has arrived stays to be resumed. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds without a byte after which an HTTP transfer counts as interrupted.
   *
   * @default 60_000
   */
  readonly stallMilliseconds?: number | undefined;
}

/** A file that arrived. */
export interface TransferredFile {
  readonly path: string;
  /** The SHA-256 the source itself publishes for it, in lower-case hexadecimal; null where it publishes none. */
  readonly publishedSha256: string | null;
  /** Whether it is a link to a file that is not the store's. */
  readonly isLink?: boolean;
}

/**
 * Puts a URI's files into a directory and returns them in the order they are loaded in. What an earlier,
 * interrupted call left in the same directory is continued where the source allows it. Throws a `StoreError`.
 */
export type Source = (uri: string, directory: string, context: TransferContext) => Promise<TransferredFile[]>;
