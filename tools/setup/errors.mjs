/** The set-up cannot go on. The message is one line: what happened, and what to do. */
export class SetupError extends Error {
  name = 'SetupError';
}

/** Ctrl-C, or another signal that ends the set-up. */
export class InterruptedError extends Error {
  name = 'InterruptedError';
  exitCode;

  constructor(exitCode) {
    super('interrupted. Nothing is half-made: the same command goes on from here.');
    this.exitCode = exitCode;
  }
}
