// A place that keeps bytes under keys, for the engine's states and for responses.
import type { StateArchive } from '../engine/state-archive.ts';

export interface Archive extends StateArchive {
  /** Whether the last attempt to read has not failed. */
  readonly isReadable: boolean;
  /** Returns whether the bytes are kept. */
  write(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Returns whether nothing is left under the key. Never throws: a failure is told by one warning. */
  remove(key: string): Promise<boolean>;
}
