// Both functions' pipelines on a fake engine, with telemetry of their own.
import { PassThrough, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from 'aws-lambda';
import { definePipeline as defineCompletion } from '../../../src/lambda/completion-pipeline.ts';
import { loadReporter } from '../../../src/telemetry/load-reporter.ts';
import { Telemetry, type TelemetryOptions } from '../../../src/telemetry/telemetry.ts';
import { readEvent } from '../../events.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';

// What Lambda's runtime brings; it must be there before the pipeline is.
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

/** Telemetry by Powertools, with its own modules and no traces. */
export async function loadTelemetry(options: Omit<TelemetryOptions, 'reporter'> = {}): Promise<Telemetry> {
  const powertools = { service: 'llm', namespace: 'tests', traces: false };
  return new Telemetry({ ...options, reporter: await loadReporter({ powertools }) });
}

/** A POST of a JSON body to a path. */
export function post(body: object, rawPath = '/v1/completions'): object {
  return { ...(readEvent('function-url') as object), rawPath, body: JSON.stringify(body) };
}

/** The function `completion`. */
export function startCompletion(telemetry: Telemetry, engine = new FakeEngine()) {
  const handler = defineCompletion({ engine, model, telemetry, chatTemplate: templates.chatMl });
  return (event: unknown, requestId?: string) => handler(event, toContext(requestId)) as Promise<unknown>;
}

/** The function `stream`. */
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
    /** Gives the answer's stream and what resolves when the handler is done with it. */
    open: (event: unknown, requestId?: string) => {
      const stream = new PassThrough();
      stream.on('error', () => {});
      return { stream, done: handler(event, stream, toContext(requestId)) };
    },
  };
}
