// The port of the archive, which keeps states of conversations longer than this process lives. src/archive implements it.

/** How long a state of a size is expected to take, in milliseconds, learnt from earlier ones. */
export interface TransferEstimate {
  readMs(bytes: number): number;
  writeMs(bytes: number): number;
}

/** Keeps states of conversations outside of this process. Keys are lowercase hexadecimal, 64 characters. */
export interface StateArchive {
  readonly expected: TransferEstimate;
  /**
   * The state under a key; undefined where there is none, or where it is damaged or of another kind (told by one warning).
   * Never throws but for an aborted signal.
   */
  read(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /**
   * Keeps a state, whole or not at all. Never throws: a failure is told by one warning. The bytes must not change until it
   * resolves.
   */
  write(key: string, state: Uint8Array): Promise<unknown>;
}
