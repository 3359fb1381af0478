// An HTTP request and its response, independent of the event source.

export interface HttpRequest {
  /** In upper case. */
  readonly method: string;
  /** Without the query and without the stage of an API Gateway. */
  readonly path: string;
  /** Encoded, without its question mark. Default: none. */
  readonly query?: string | undefined;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An HTTP response. Its body is one string, or an iterable of strings for a stream. */
export interface HttpResponse<Body = string | AsyncIterable<string>> {
  readonly status: number;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** @param body JSON */
export function toJsonResponse(
  body: string,
  { status = 200, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): HttpResponse<string> {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** Reads a streamed body to its end, for a caller that cannot stream. */
export async function toWholeResponse(response: HttpResponse): Promise<HttpResponse<string>> {
  if (typeof response.body === 'string') return { ...response, body: response.body };
  return { ...response, body: (await Array.fromAsync(response.body)).join('') };
}

/** Whether a browser asks for a page. A program that asks whether the server runs takes any type. */
export function asksForPage({ accept }: { readonly accept?: string | undefined }): boolean {
  return accept?.includes('text/html') ?? false;
}
