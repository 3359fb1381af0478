// Converts the errors of the batch commands to one-line messages.
import { DeployError, toDeployError } from '../deploy/errors.ts';
import { reasonOf } from '../store/errors.ts';

/** A failure whose message is one line that a user can act on. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/** Returns one line: what happened and, if known, what to do. */
export function toBatchFailure(error: unknown): string {
  if (!(error instanceof Error)) return `Unexpected failure: ${String(error)}`;
  const isActionable = error instanceof BatchError || error instanceof DeployError;
  if (isActionable || error.name === 'ConfigurationError' || error.name === 'UnusableInputError') {
    return error.message;
  }
  const { code, message } = toDeployError(error, 'for the batches of this stack');
  return code === 'request-failed' ? `Unexpected failure: ${reasonOf(error)}` : message;
}
