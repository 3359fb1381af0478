// What went wrong with a batch, in one line for whoever called.

import { DeployError, toDeployError } from '../deploy/errors.ts';
import { reasonOf } from '../store/errors.ts';

/** A failure whose message says all. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/** One line: what happened, and what to do where that is known. */
export function toBatchFailure(error: unknown): string {
  if (!(error instanceof Error)) return `Unexpected failure: ${String(error)}`;
  const isToldWhole = error instanceof BatchError || error instanceof DeployError;
  if (isToldWhole || error.name === 'ConfigurationError' || error.name === 'UnusableInputError') {
    return error.message;
  }
  const { code, message } = toDeployError(error, 'work on the batches of this stack');
  return code === 'request-failed' ? `Unexpected failure: ${reasonOf(error)}` : message;
}
