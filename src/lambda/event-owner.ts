// Which function an event is for: somebody who tries events by hand may send one to another function.
import { RequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';

type FunctionName = 'completion' | 'batch' | 'batch-files';

/**
 * Asserts that an event is for a function. Any event that has no shape of a batch's is for `completion`.
 *
 * @throws {RequestError} naming the function that it is for, and how to start that one
 */
export function assertOwner(event: unknown, own: FunctionName): void {
  const owner = ownerOf(event);
  if (owner === own) return;
  throw new RequestError(
    'invalid_value',
    `This event is for the function '${owner}', and this is '${own}'. Invoke '${owner}'; on your machine, 'npm start -- ${owner}.handler' starts it.`,
  );
}

function ownerOf(event: unknown): FunctionName {
  if (!isJsonObject(event)) return 'completion';
  if (Array.isArray(event.Records)) return 'batch';
  if (typeof event.batch !== 'string') return 'completion';
  return 'chunk' in event ? 'batch' : 'batch-files';
}
