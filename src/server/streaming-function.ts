// The function `stream` in this process: what Lambda brings to a streaming handler, on an HTTP response.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';

/** A streaming handler as Lambda calls it; `awslambda.streamifyResponse` is the identity here. */
type StreamingHandler = (event: unknown, response: ServerResponse, context: object) => Promise<void>;

/** Status and headers, as a handler gives them to `awslambda.HttpResponseStream.from`. */
interface Prelude {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The function ends its answers in time by itself where they are read. */
const lateSeconds = 1;

const lambdaGlobals = {
  streamifyResponse: (handler: StreamingHandler) => handler,
  HttpResponseStream: {
    from: (response: ServerResponse, { statusCode, headers }: Prelude) =>
      response.writeHead(statusCode, headers),
  },
};

export class StreamingFunction {
  readonly #bundle: string;
  readonly #timeoutSeconds: number;
  #handler: Promise<StreamingHandler> | undefined;
  #failedLoads = 0;
  readonly #running = new Set<Promise<void>>();

  /** `bundle` is a module that exports `handler`. */
  constructor({ bundle, timeoutSeconds }: { bundle: string; timeoutSeconds: number }) {
    this.#bundle = bundle;
    this.#timeoutSeconds = timeoutSeconds;
  }

  /**
   * Answers an event on an HTTP response. The function and its model are loaded by the first one; a load that
   * failed is tried again by the next.
   *
   * @throws when the function cannot be loaded, or failed in a way it did not answer for
   */
  async answer(
    event: APIGatewayProxyEventV2,
    response: ServerResponse,
    clientLeft: AbortSignal,
  ): Promise<void> {
    const running = this.#answer(event, response, clientLeft);
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when no answer is being given any more, however they end. */
  async whenIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #answer(
    event: APIGatewayProxyEventV2,
    response: ServerResponse,
    clientLeft: AbortSignal,
  ): Promise<void> {
    const handler = await this.#load();
    if (clientLeft.aborted) return;
    const deadline = performance.now() + this.#timeoutSeconds * 1000;
    const answered = handler(event, response, {
      functionName: 'stream',
      awsRequestId: randomUUID(),
      getRemainingTimeInMillis: () => deadline - performance.now(),
      clientLeft,
    });
    // Middy waits for ever to end a response that its client has closed.
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    // A client that stays and does not read keeps its slot; Lambda's timeout would end that.
    const timer = setTimeout(() => response.destroy(), (this.#timeoutSeconds + lateSeconds) * 1000);
    try {
      await Promise.race([answered, closed]);
    } finally {
      clearTimeout(timer);
    }
  }

  #load(): Promise<StreamingHandler> {
    this.#handler ??= this.#import().catch((error: unknown) => {
      this.#handler = undefined;
      this.#failedLoads += 1;
      throw error;
    });
    return this.#handler;
  }

  async #import(): Promise<StreamingHandler> {
    Object.assign(globalThis, { awslambda: lambdaGlobals });
    // Node keeps a module that failed under its address, with its failure.
    const attempt = this.#failedLoads === 0 ? '' : `?attempt=${this.#failedLoads}`;
    const module = (await import(`${pathToFileURL(this.#bundle).href}${attempt}`)) as {
      handler: StreamingHandler;
    };
    return module.handler;
  }
}
