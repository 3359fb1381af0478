// The one error of the model store. Each failure is a literal code; the message is one line that says
// what happened, which value was at fault and what to do about it.

/** What can go wrong between a catalog name and a verified file. */
export type StoreErrorCode =
  | 'malformed-catalog'
  | 'unknown-name'
  | 'name-taken'
  | 'unpinned'
  | 'unusable-source'
  | 'source-gone'
  | 'source-refused'
  | 'source-failed'
  | 'interrupted'
  | 'disk-full'
  | 'not-gguf'
  | 'wrong-size'
  | 'wrong-hash'
  | 'not-stored'
  | 'not-recorded'
  | 'missing-tool';

/**
 * A failure of the model store, in one line. `interrupted` and `disk-full` are the codes whose partial download is
 * worth keeping: a later fetch continues it.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, ' '), options);
    this.code = code;
  }
}

/** The first line of an unknown failure, with the reason `fetch` hides in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : '';
  const code = (error as NodeJS.ErrnoException).code;
  return (error.message.split('\n')[0] || code || error.name) + cause;
}

/** Whether a write failed for want of space, on the disk or in the user's quota. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/**
 * Turns any failure of a transfer into a `StoreError`: a full disk is named as such, what is one already
 * stays as it is, and the rest becomes `code` with `context` before the reason.
 */
export function toStoreError(error: unknown, code: StoreErrorCode, context: string): StoreError {
  if (error instanceof StoreError) return error;
  if (isDiskFull(error)) {
    const message = `${context}: the disk is full. Free some space, or set MODEL_STORE to a larger disk.`;
    return new StoreError('disk-full', message, { cause: error });
  }
  return new StoreError(code, `${context}: ${reasonOf(error)}.`, { cause: error });
}
