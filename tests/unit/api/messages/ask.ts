// Sends requests in Anthropic's format to a fake engine.
import type { RequestContext } from '../../../../src/generation/context.ts';
import { answer } from '../../../../src/http/answer.ts';
import { type HttpResponse, toWholeResponse } from '../../../../src/http/http.ts';
import type { Service } from '../../../../src/http/service.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';

export interface AskOptions {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly service?: Partial<Service>;
  readonly context?: Partial<RequestContext>;
}

/** A log for requests that fail on purpose. */
export const quietLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export function engineOf(text: string): FakeEngine {
  return new FakeEngine(text, { contextSize: 4096 });
}

/** The prompt of the last generation. */
export function promptOf(engine: FakeEngine): string {
  return engine.detokenize(engine.requests.at(-1)?.prompt ?? []);
}

/** Sends a body, or its text, to `/v1/messages` or another path. */
export async function ask(
  body: unknown,
  engine: FakeEngine,
  { path = '/v1/messages', headers = {}, service, context }: AskOptions = {},
): Promise<HttpResponse<string>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const http = { method: 'POST', path, headers, body: Buffer.from(text) };
  const fullService = { engine, model, chatTemplate: templates.chatMl, ...service };
  return toWholeResponse(await answer(http, fullService, toContext(context)));
}

export async function askJson(body: unknown, engine: FakeEngine, options?: AskOptions) {
  const { status, headers, body: text } = await ask(body, engine, options);
  return { status, headers, body: JSON.parse(text) };
}

/** An event of a stream: its name and its data. */
export interface NamedEvent {
  readonly name: string;
  readonly data: { readonly type: string } & Readonly<Record<string, unknown>>;
}

export async function askStreamed(
  body: object,
  engine: FakeEngine,
  options?: AskOptions,
): Promise<NamedEvent[]> {
  const { body: text } = await ask({ ...body, stream: true }, engine, options);
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      return { name, data: JSON.parse(data) };
    });
}
