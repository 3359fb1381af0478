// The pipeline of the function `stream`: Function URL events, answered with JSON or server-sent events.
import { Readable } from 'node:stream';
import middy from '@middy/core';
import { executionModeStreamifyResponse } from '@middy/core/executionModeStreamifyResponse';
import type { Context } from 'aws-lambda';
import { answer } from '../http/answer.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import type { Service } from '../http/service.ts';
import { toAdmitted } from './admitted-caller.ts';
import { toHttpEvent, toHttpRequest } from './http-event.ts';
import { Invocations } from './invocations.ts';
import { functionMiddlewares } from './middlewares.ts';
import { findExcess } from './result-size.ts';
import { settle } from './settle.ts';

/** The result that Middy writes to Lambda's response stream. A string has no status and no headers. */
type StreamedResult =
  | string
  | { statusCode: number; headers: Readonly<Record<string, string>>; body: string | Readable };

/**
 * Creates the function's handler. It answers a direct invoke with JSON text. Lambda's global `awslambda` must
 * exist before the call.
 */
export function definePipeline(service: Service) {
  const invocations = new Invocations({ telemetry: service.telemetry, longestMs: service.invocationMs });

  const handle = async (event: unknown, lambdaContext: Context): Promise<StreamedResult> => {
    const finished = new AbortController();
    const httpEvent = toHttpEvent(event);
    const admitted = toAdmitted(service, lambdaContext, httpEvent);
    const context = {
      ...invocations.toRequestContext(lambdaContext, {
        finished: finished.signal,
        tenant: admitted.tenant,
      }),
      ...admitted.spend,
    };
    if (httpEvent === undefined) {
      const text = JSON.stringify(await answerDirectInvoke(event, admitted.service, context));
      // The emulator does not stream. On Lambda the caller may read more.
      const excess = service.isBehindFront ? findExcess(Buffer.byteLength(text), service) : undefined;
      if (excess !== undefined) throw excess;
      return text;
    }
    const { status, headers, body } = await answer(toHttpRequest(httpEvent), admitted.service, context);
    if (typeof body === 'string') return { statusCode: status, headers, body };
    // Closing an unread body must end its generation too.
    const stream = Readable.from(body).once('close', () => finished.abort());
    return { statusCode: status, headers, body: stream };
  };

  return middy<unknown, StreamedResult>({
    executionMode: executionModeStreamifyResponse,
    timeoutEarlyInMillis: 0,
    requestEnd: async (request) => {
      await closeBody(request);
      // The client has its answer, so a late write holds up nobody.
      await settle(service, request.context);
    },
  })
    .use(functionMiddlewares(invocations))
    .handler(handle);
}

/**
 * Closes a body that was not read to its end, for example because the client disconnected before the stream
 * started. The end of the body triggers the report, and Lambda freezes the environment afterwards.
 */
async function closeBody({ response }: { response: StreamedResult | null | undefined }): Promise<void> {
  if (typeof response !== 'object' || !(response?.body instanceof Readable)) return;
  const { body } = response;
  body.destroy();
  if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
}
