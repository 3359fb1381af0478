// The server's API, as the page calls it.
import { type Answer, addChunk, type Chunk, emptyAnswer } from './answer.ts';
import type { ApiRequest } from './request.ts';
import { readEvents } from './server-sent-events.ts';
import type { OpenApi } from './settings.ts';

/** A prompt prefix that the build of the image has evaluated. */
export interface Prefix {
  readonly name: string;
  readonly tokens: number;
  readonly text: string;
}

/** What GET /props tells, as far as the page shows it. */
export interface ServerProps {
  readonly model_alias: string;
  readonly default_generation_settings: { readonly n_ctx: number };
  readonly kv_type: string;
  readonly memory: { readonly total: number; readonly available: number } | null;
  readonly prefixes?: readonly Prefix[];
}

export interface Server {
  readonly props: ServerProps;
  readonly openApi: OpenApi;
}

/** The server refused a request, or failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** The key lives in the memory of the page alone. */
function toHeaders(key: string): Record<string, string> {
  return { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) };
}

async function request(path: string, key: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: toHeaders(key) });
  if (response.ok) return response;
  throw new ApiError(
    toMessage(await response.text()) ?? `The server answered ${response.status}.`,
    response.status,
  );
}

/** @throws {ApiError} when the server refuses, for example without its key */
export async function readServer(key: string): Promise<Server> {
  const read = async (path: string) => (await request(path, key)).json();
  const [props, openApi] = await Promise.all([read('/props'), read('/openapi.json')]);
  return { props: props as ServerProps, openApi: openApi as OpenApi };
}

/** Renders messages to the model's prompt. */
export async function applyTemplate(messages: readonly object[], key: string): Promise<string> {
  const body = JSON.stringify({ messages });
  const response = await request('/apply-template', key, { method: 'POST', body });
  return ((await response.json()) as { prompt: string }).prompt;
}

/**
 * Streams an answer. Yields it whole, each time that it has grown.
 *
 * @throws {ApiError} when the server refuses the request, or fails within the answer
 */
export async function* streamAnswer(
  { path, body }: ApiRequest,
  { key, signal }: { readonly key: string; readonly signal: AbortSignal },
): AsyncGenerator<Answer> {
  const streamed = { ...body, stream: true, timings_per_token: true };
  const response = await request(path, key, { method: 'POST', body: JSON.stringify(streamed), signal });
  if (response.body === null) return;
  let answer = emptyAnswer;
  for await (const { name, data } of readEvents(response.body)) {
    if (name === 'error')
      throw new ApiError(toMessage(data) ?? 'The server ended the answer.', response.status);
    if (data === '[DONE]') return;
    answer = addChunk(answer, JSON.parse(data) as Chunk);
    yield answer;
  }
}

function toMessage(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message;
  } catch {
    return undefined;
  }
}
