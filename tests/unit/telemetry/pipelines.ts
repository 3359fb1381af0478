// The pipelines of both functions on a fake engine, each with its own telemetry.
import { PassThrough, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from 'aws-lambda';
import { definePipeline as defineCompletion } from '../../../src/lambda/completion-pipeline.ts';
import { loadReporter } from '../../../src/telemetry/load-reporter.ts';
import { Telemetry, type TelemetryOptions } from '../../../src/telemetry/telemetry.ts';
import { readEvent } from '../../events.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';

// Lambda's runtime has this global. It must exist before the pipeline is imported.
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: unknown) => handler,
    HttpResponseStream: { from: (stream: Writable) => stream },
  },
});
const { definePipeline: defineStream } = await import('../../../src/lambda/stream-pipeline.ts');

export const model = 'fake-1b';

function toContext(awsRequestId = 'a1b2'): Context {
  return {
    awsRequestId,
    functionName: 'completion',
    memoryLimitInMB: '1769',
    invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:completion',
    getRemainingTimeInMillis: () => 60_000,
  } as Context;
}

/** Loads telemetry with the real Powertools and no traces. */
export async function loadTelemetry(options: Omit<TelemetryOptions, 'reporter'> = {}): Promise<Telemetry> {
  const powertools = { service: 'llm', namespace: 'tests', traces: false };
  return new Telemetry({ ...options, reporter: await loadReporter({ powertools }) });
}

/** Creates the event of a POST of a JSON body. */
export function post(body: object, rawPath = '/v1/completions'): object {
  return { ...(readEvent('function-url') as object), rawPath, body: JSON.stringify(body) };
}

/** Starts the function `completion`. */
export function startCompletion(telemetry: Telemetry, engine = new FakeEngine()) {
  const handler = defineCompletion({ engine, model, telemetry, chatTemplate: templates.chatMl });
  return (event: unknown, requestId?: string) => handler(event, toContext(requestId)) as Promise<unknown>;
}

/** Starts the function `stream`. */
export function startStream(telemetry: Telemetry, engine = new FakeEngine()) {
  const handler = defineStream({ engine, model, telemetry }) as unknown as (
    event: unknown,
    stream: Writable,
    context: Context,
  ) => Promise<void>;
  return {
    /** Reads an answer to its end. */
    read: async (event: unknown, requestId?: string): Promise<string> => {
      const stream = new PassThrough();
      const [body] = await Promise.all([text(stream), handler(event, stream, toContext(requestId))]);
      return body;
    },
    /** Returns the answer's stream and a promise that resolves when the handler has finished. */
    open: (event: unknown, requestId?: string) => {
      const stream = new PassThrough();
      stream.on('error', () => {});
      return { stream, done: handler(event, stream, toContext(requestId)) };
    },
  };
}
