// Why a chat template renders nothing: it rejects the messages, it fails, or it exceeds a limit (native/chat/template-budget.h).
import { RequestError } from '../errors/request-error.ts';

/** The template rejects the messages, by its own words, or cannot be parsed. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

/** The template fails for a reason that is not the messages'. */
export class BrokenTemplateError extends Error {
  override readonly name = 'BrokenTemplateError';
}

/**
 * Returns the answer to a request whose template has exceeded a limit, and `undefined` for any other error. The code `template_limit`
 * is native/chat's.
 */
export function toLimitError(error: unknown): RequestError | undefined {
  if (error instanceof RequestError) return error;
  if (!(error instanceof Error && 'code' in error && error.code === 'template_limit')) return undefined;
  return new RequestError('server_error', `The model's chat template is refused, because ${error.message}.`);
}

/** Makes a value when it is first asked for. A template that has exceeded a limit is refused for good, without another try. */
export function once<Value>(make: () => Value): () => Value {
  let get = (): Value => {
    try {
      const value = make();
      get = () => value;
    } catch (error) {
      const limit = toLimitError(error);
      if (limit === undefined) throw error;
      get = () => {
        throw limit;
      };
    }
    return get();
  };
  return () => get();
}
