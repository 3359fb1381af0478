// What a line of a batch came to, in the shape of OpenAI's output and error files.
import type { ErrorBody, RequestError } from '../errors/request-error.ts';

/** One line of an output file, where the status is 200, or else of an error file. */
export interface BatchResult {
  /** Of this answer. */
  readonly id: string;
  /** The line's, where it had one that could be read. */
  readonly custom_id: string | null;
  /** What the route answered; nothing of a line that was no request. */
  readonly response: {
    readonly status_code: number;
    readonly request_id: string;
    readonly body: object | ErrorBody;
  } | null;
  /** Why the line was no request. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Whether it belongs into the output file. */
export function isAnswered({ response }: BatchResult): boolean {
  return response?.status_code === 200;
}

/** Of a line that is no request. */
export function toFailedLine(
  id: string,
  customId: string | null,
  { code, message }: RequestError,
): BatchResult {
  return { id, custom_id: customId, response: null, error: { code, message } };
}

export function toResultId(requestId: string): string {
  return `batch_req_${requestId}`;
}
