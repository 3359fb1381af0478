// The limits of a template: it is a program of whoever made the model (native/chat/template-budget.h).
import { RequestError } from '../errors/request-error.ts';

/**
 * Returns the answer to a request whose template has exceeded a limit, and `undefined` for any other error. The code `template_limit`
 * is native/chat's.
 */
export function toLimitError(error: unknown): RequestError | undefined {
  if (error instanceof RequestError) return error;
  if (!(error instanceof Error && 'code' in error && error.code === 'template_limit')) return undefined;
  return new RequestError('server_error', `The model's chat template is refused, because ${error.message}.`);
}
