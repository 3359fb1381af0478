// The port of the archive that keeps responses longer than this process lives. src/archive implements it.

/** Keeps responses outside of this process. Keys are lowercase hexadecimal, 64 characters. */
export interface ResponseArchive {
  /** Whether the last attempt to read has not failed. */
  readonly isReadable: boolean;
  /** The bytes under a key; undefined where there are none, or where they cannot be read. Throws only for an aborted signal. */
  read(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Keeps bytes, whole or not at all, and returns whether they are kept. Never throws. */
  write(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Returns whether nothing is left under the key. Never throws. */
  remove(key: string): Promise<boolean>;
}
