// Function URL events, to JSON or to server-sent events that leave as the text is generated.
import { Readable } from 'node:stream';
import middy from '@middy/core';
import { executionModeStreamifyResponse } from '@middy/core/executionModeStreamifyResponse';
import type { Context } from 'aws-lambda';
import { answer } from '../http/answer.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import type { Service } from '../http/service.ts';
import { toHttpEvent, toHttpRequest } from './http-event.ts';
import { Invocations } from './invocations.ts';
import { functionMiddlewares } from './middlewares.ts';

/** What Middy writes to Lambda's response stream: first a status and headers, where there are any. */
type StreamedResult =
  | string
  | { statusCode: number; headers: Readonly<Record<string, string>>; body: string | Readable };

/**
 * The function's handler around a loaded model. A direct invoke is answered with the completion as JSON text. It needs
 * Lambda's global `awslambda` when it is made.
 */
export function definePipeline(service: Service) {
  const invocations = new Invocations(service.telemetry);

  const handle = async (event: unknown, lambdaContext: Context): Promise<StreamedResult> => {
    const finished = new AbortController();
    const context = invocations.toRequestContext(lambdaContext, { finished: finished.signal });
    const httpEvent = toHttpEvent(event);
    if (httpEvent === undefined) return JSON.stringify(await answerDirectInvoke(event, service, context));
    const { status, headers, body } = await answer(toHttpRequest(httpEvent), service, context);
    if (typeof body === 'string') return { statusCode: status, headers, body };
    // A body that is closed before it was read ends its generation as well.
    const stream = Readable.from(body).once('close', () => finished.abort());
    return { statusCode: status, headers, body: stream };
  };

  return middy<unknown, StreamedResult>({
    executionMode: executionModeStreamifyResponse,
    timeoutEarlyInMillis: 0,
    requestEnd: closeBody,
  })
    .use(functionMiddlewares(invocations))
    .handler(handle);
}

/**
 * Closes a body that was not read to its end, as happens when the client disconnects before it begins. Lambda freezes the
 * environment after the invocation, so the report at the body's end must be out by then.
 */
async function closeBody({ response }: { response: StreamedResult | null | undefined }): Promise<void> {
  if (typeof response !== 'object' || !(response?.body instanceof Readable)) return;
  const { body } = response;
  body.destroy();
  if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
}
