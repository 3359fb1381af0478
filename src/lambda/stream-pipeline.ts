// Function URL events, to JSON or to server-sent events that leave as the text is generated.
import { Readable } from 'node:stream';
import middy from '@middy/core';
import { executionModeStreamifyResponse } from '@middy/core/executionModeStreamifyResponse';
import type { Service } from '../api/service.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { answerHttp } from '../http/routes.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { toHttpEvent, toHttpRequest } from './http-event.ts';
import { type InvocationContext, InvocationCounter } from './invocation.ts';
import { functionMiddlewares } from './middlewares.ts';

/** What Middy writes to Lambda's response stream: a status and headers first, where they are given. */
type StreamedResult =
  | string
  | { statusCode: number; headers: Readonly<Record<string, string>>; body: string | Readable };

/**
 * The function's handler around a loaded model. A direct invoke is answered with the completion as JSON text.
 * Needs Lambda's global `awslambda` when it is called.
 */
export function definePipeline(service: Service) {
  const invocations = new InvocationCounter();
  const { telemetry = new Telemetry() } = service;

  const answer = async (event: unknown, context: InvocationContext): Promise<StreamedResult> => {
    const observation = telemetry.of(context);
    const watched = observation.watch(service);
    const finished = new AbortController();
    const invocation = invocations.toInvocation(context, finished.signal);
    const httpEvent = toHttpEvent(event);
    if (httpEvent === undefined) return JSON.stringify(await answerDirectInvoke(event, watched, invocation));
    const { status, headers, body } = await answerHttp(
      toHttpRequest(httpEvent),
      watched,
      invocation,
      observation.log.error,
    );
    if (typeof body === 'string') return { statusCode: status, headers, body };
    // A body that is closed before it was read ends its generation as well.
    const stream = Readable.from(body).once('close', () => finished.abort());
    return { statusCode: status, headers, body: stream };
  };

  return middy<unknown, StreamedResult>({
    executionMode: executionModeStreamifyResponse,
    timeoutEarlyInMillis: 0,
    requestStart: invocations.increment,
    requestEnd: closeBody,
  })
    .use(functionMiddlewares(telemetry))
    .handler(answer);
}

/**
 * Closes what was not read to its end: a stream that was gone before its body began leaves the body open. An environment is
 * frozen when its invocation is over, so what is told of it at the end of its body must have been told.
 */
async function closeBody({ response }: { response: StreamedResult | null | undefined }): Promise<void> {
  if (typeof response !== 'object' || !(response?.body instanceof Readable)) return;
  const { body } = response;
  body.destroy();
  if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
}
