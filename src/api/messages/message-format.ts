// The form of Anthropic's errors and streams. Apart from the rest of the API, because every request may fail.
// https://platform.claude.com/docs/en/api/errors
import type { RequestError } from '../../errors/request-error.ts';
import { eventStreamType, type StreamFormat, writeTypedEvent } from '../stream-answer.ts';

/** The types by status. Other statuses below 500 are an `invalid_request_error`, and others an `api_error`. */
const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** Anthropic's clients read it, and send all messages of a conversation instead of a thread. */
const threadDetails = { error_code: 'thread_unsupported_request', unsupported: [] };

/** Converts an error to the body of an answer. A request that did not reach the server has no id. */
export function toMessagesError(
  { status, message, param }: Pick<RequestError, 'status' | 'message' | 'param'>,
  requestId: string | null,
): { readonly type: 'error'; readonly error: object; readonly request_id: string | null } {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const details = param === 'thread' && { details: threadDetails };
  return { type: 'error', error: { type, message, ...details }, request_id: requestId };
}

/** Named events, without a mark at the end. */
export function toMessagesFormat(requestId: string): StreamFormat {
  return {
    contentType: eventStreamType,
    write: (event) => writeTypedEvent(event as { readonly type: string }),
    end: '',
    fail: (error) => writeTypedEvent(toMessagesError(error, requestId)),
  };
}
