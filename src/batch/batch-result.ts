// The result of a batch line, in the format of OpenAI's output and error files.
import type { ErrorBody, RequestError } from '../errors/request-error.ts';

/** One line of the output file if its status is 200, otherwise one line of the error file. */
export interface BatchResult {
  readonly id: string;
  /** Null when the line has no readable id. */
  readonly custom_id: string | null;
  /** The response of the route; null when the line is not a valid request. */
  readonly response: {
    readonly status_code: number;
    readonly request_id: string;
    readonly body: object | ErrorBody;
  } | null;
  /** The reason why the line got no response. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** True for a line of the output file, false for a line of the error file. */
export function isAnswered({ response }: BatchResult): boolean {
  return response?.status_code === 200;
}

/** Creates the result of a line that got no response. */
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
