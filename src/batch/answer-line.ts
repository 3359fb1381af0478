// Answers one line of a batch like an HTTP request to its path.
import { toRequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { ForeignFields } from '../generation/foreign-fields.ts';
import { answer } from '../http/answer.ts';
import { toWholeBody } from '../http/endpoint.ts';
import { toWholeResponse } from '../http/http.ts';
import { findRoute } from '../http/routes.ts';
import type { Service } from '../http/service.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type BatchLine, findCustomId, parseBatchLine } from './batch-line.ts';
import { type BatchResult, toFailedLine, toResultId } from './batch-result.ts';

interface AnsweredLine {
  readonly result: BatchResult;
  /** True when the deadline ended the answer early, or no slot was free: the line can be answered again. */
  readonly isIncomplete: boolean;
}

/**
 * Answers a line. An invalid line gets a result with its error. No API key is checked, because IAM already controls who
 * may run batches.
 *
 * @throws the signal's reason when it is aborted
 */
export async function answerLine(
  line: Uint8Array,
  service: Service,
  context: RequestContext,
): Promise<AnsweredLine> {
  const { id, signal } = context;
  const foreignFields = new ForeignFields({ strict: service.strictFields ?? false });
  let parsed: BatchLine;
  try {
    parsed = parseBatchLine(line, foreignFields);
  } catch (error) {
    const result = toFailedLine(toResultId(id), findCustomId(line), toRequestError(error));
    return { result, isIncomplete: false };
  }
  foreignFields.log(context.log);
  const { custom_id, method, url, body } = parsed;
  const whole = toWholeBody(body, findRoute(url)?.methods[method]);
  const http = { method, path: url, headers: {}, body: Buffer.from(JSON.stringify(whole)) };
  let hasHitDeadline = false;
  const metrics = withDeadlines(context.metrics, () => {
    hasHitDeadline = true;
  });
  const response = await toWholeResponse(
    await answer(
      http,
      { ...service, apiKey: undefined, rateLimit: undefined, tokenBudget: undefined },
      { ...context, metrics },
    ),
  );
  signal.throwIfAborted();
  const content = JSON.parse(response.body) as object;
  const result: BatchResult = {
    id: toResultId(id),
    custom_id,
    response: { status_code: response.status, request_id: id, body: content },
    error: null,
  };
  return { result, isIncomplete: incompleteStatuses.has(response.status) || hasHitDeadline };
}

/** The statuses of `server_busy` and `deadline_exceeded`. */
const incompleteStatuses: ReadonlySet<number> = new Set([429, 504]);

/** Metrics that also report each generation that the deadline ended. Not every API's answer says so. */
function withDeadlines(metrics: Metrics | undefined, onDeadline: () => void): Metrics {
  return {
    generated: (summary) => {
      if (summary.deadline) onDeadline();
      metrics?.generated(summary);
    },
    answered: (path, status) => metrics?.answered(path, status),
    broken: (path) => metrics?.broken(path),
  };
}
