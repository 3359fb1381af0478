// One set-up of a checkout at a time: a second one waits until the first has ended.
import { join } from 'node:path';
import { takeLock } from '../lock/file-lock.mjs';
import { interrupted } from './commands.mjs';
import { SetupError } from './errors.mjs';
import { cache } from './places.mjs';
import { say } from './progress.mjs';

const path = join(cache, 'setup.lock');

/**
 * Takes the lock for as long as this process lives. Calls after the first do nothing, and neither do those of a set-up that a
 * child of this process runs.
 *
 * @throws {SetupError} when the checkout cannot be written to
 */
export async function lock() {
  if (process.env.GGUF_LAMBDA_SETUP_LOCK === path) return;
  try {
    await takeLock(path, {
      onWait: (holder) => say(`another set-up of this checkout runs (${holder}): waiting for its end`),
      signal: interrupted,
    });
  } catch (error) {
    interrupted.throwIfAborted();
    throw new SetupError(toWriteFailure(error));
  }
  // Children inherit it.
  process.env.GGUF_LAMBDA_SETUP_LOCK = path;
}

function toWriteFailure({ code, message }) {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `the disk of ${cache} is full: free some space and run it again.`;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return `${cache} cannot be written to (${code}): run it as the owner of this checkout.`;
  return `${cache} cannot be written to: ${message}.`;
}
