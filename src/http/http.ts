// A plain HTTP request and its answer, free of any event source.

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Without the query, and without an API Gateway stage. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An answer; its body is one text, or its pieces as they come. */
export interface HttpResponse<Body = string | AsyncIterable<string>> {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

export function toJsonResponse(
  body: object,
  { status = 200, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): HttpResponse<string> {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** An answer of server-sent events, which nothing on the way may keep or hold back. */
export function toEventStreamResponse(
  events: AsyncIterable<string>,
  headers: Readonly<Record<string, string>>,
): HttpResponse<AsyncIterable<string>> {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: events,
  };
}

/** Waits for all of a body, for a way that cannot stream. */
export async function toWholeResponse(response: HttpResponse): Promise<HttpResponse<string>> {
  if (typeof response.body === 'string') return { ...response, body: response.body };
  return { ...response, body: (await Array.fromAsync(response.body)).join('') };
}
