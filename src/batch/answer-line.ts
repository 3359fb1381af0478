// Answers one line of a batch as an HTTP request to its path would be.

import { isJsonObject } from '../api/json-body.ts';
import type { Invocation, Service } from '../api/service.ts';
import { toRequestError } from '../errors/request-error.ts';
import { toWholeResponse } from '../http/http.ts';
import { answerHttp } from '../http/routes.ts';
import { type BatchLine, findCustomId, parseBatchLine } from './batch-line.ts';
import { type BatchResult, toFailedLine, toResultId } from './batch-result.ts';

interface AnsweredLine {
  readonly result: BatchResult;
  /** Whether there was no time for all of the answer, or no slot. */
  readonly isCutShort: boolean;
}

/**
 * Answers a line; what is wrong with it is its result. No key is asked for: whoever may have batches answered may ask.
 *
 * @throws the signal's reason when it is aborted
 */
export async function answerLine(
  line: Uint8Array,
  service: Service,
  invocation: Invocation,
  log: (error: unknown) => void,
): Promise<AnsweredLine> {
  const { requestId, signal } = invocation;
  let parsed: BatchLine;
  try {
    parsed = parseBatchLine(line);
  } catch (error) {
    const result = toFailedLine(toResultId(requestId), findCustomId(line), toRequestError(error));
    return { result, isCutShort: false };
  }
  const { custom_id, method, url, body } = parsed;
  const http = { method, path: url, headers: {}, body: Buffer.from(JSON.stringify(body)) };
  const response = await toWholeResponse(
    await answerHttp(http, { ...service, apiKey: undefined }, invocation, log),
  );
  signal.throwIfAborted();
  const answer = JSON.parse(response.body) as object;
  const result: BatchResult = {
    id: toResultId(requestId),
    custom_id,
    response: { status_code: response.status, request_id: requestId, body: answer },
    error: null,
  };
  return { result, isCutShort: cutShortStatuses.has(response.status) || isCutShort(answer) };
}

/** `server_busy` and `deadline_exceeded`. */
const cutShortStatuses: ReadonlySet<number> = new Set([429, 504]);

/** Whether the deadline ended a generation. */
function isCutShort(answer: object): boolean {
  return 'timings' in answer && isJsonObject(answer.timings) && answer.timings.deadline === true;
}
