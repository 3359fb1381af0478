// Answers one line of a batch as an HTTP request to its path would be.

import { toRequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { answer } from '../http/answer.ts';
import { toWholeResponse } from '../http/http.ts';
import type { Service } from '../http/service.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
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
  context: RequestContext,
): Promise<AnsweredLine> {
  const { id, signal } = context;
  let parsed: BatchLine;
  try {
    parsed = parseBatchLine(line);
  } catch (error) {
    const result = toFailedLine(toResultId(id), findCustomId(line), toRequestError(error));
    return { result, isCutShort: false };
  }
  const { custom_id, method, url, body } = parsed;
  const http = { method, path: url, headers: {}, body: Buffer.from(JSON.stringify(body)) };
  const response = await toWholeResponse(await answer(http, { ...service, apiKey: undefined }, context));
  signal.throwIfAborted();
  const content = JSON.parse(response.body) as object;
  const result: BatchResult = {
    id: toResultId(id),
    custom_id,
    response: { status_code: response.status, request_id: id, body: content },
    error: null,
  };
  return { result, isCutShort: cutShortStatuses.has(response.status) || isCutShort(content) };
}

/** `server_busy` and `deadline_exceeded`. */
const cutShortStatuses: ReadonlySet<number> = new Set([429, 504]);

/** Whether the deadline ended a generation. */
function isCutShort(answer: object): boolean {
  return 'timings' in answer && isJsonObject(answer.timings) && answer.timings.deadline === true;
}
