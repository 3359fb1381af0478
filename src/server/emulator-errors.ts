// How the emulator and the function in it can fail.

/** The emulator's executable cannot be run at all: trying again is of no use. */
export class EmulatorMissingError extends Error {
  override readonly name = 'EmulatorMissingError';
}

/** The emulator ended, or broke off the connection, before it answered. */
export class EmulatorExitedError extends Error {
  override readonly name = 'EmulatorExitedError';
  /** Whether the invocation was handed to the emulator, so that the function may have seen it. */
  readonly delivered: boolean;

  constructor(message: string, options: { delivered: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.delivered = options.delivered;
  }
}

/** The runtime took no connection, or ended before it answered. */
export class RuntimeExitedError extends Error {
  override readonly name = 'RuntimeExitedError';
  /** Whether the runtime was connected to, so that it may have seen the request. */
  readonly delivered: boolean;

  constructor(message: string, options: { delivered: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.delivered = options.delivered;
  }
}

/** The function could not be loaded. */
export class InitializationError extends Error {
  override readonly name = 'InitializationError';
}

/** The supervisor was stopped, and the event has no answer. */
export class SupervisorStoppedError extends Error {
  override readonly name = 'SupervisorStoppedError';
}
