// Requests to POST /v1/responses with a fake engine.
import type { ModelService } from '../../../../src/api/service.ts';
import type { RequestContext } from '../../../../src/generation/context.ts';
import { answer } from '../../../../src/http/answer.ts';
import { toWholeResponse } from '../../../../src/http/http.ts';
import { consoleLog } from '../../../../src/telemetry/log.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The prompt of the last generation. */
  readonly prompt: string;
  readonly engine: FakeEngine;
}

type Options = Partial<Omit<ModelService, 'engine'>> & {
  readonly engine?: FakeEngine;
  readonly context?: Partial<RequestContext>;
  readonly headers?: Readonly<Record<string, string>>;
};

export async function ask(
  body: object,
  { headers = {}, context: changes = {}, ...service }: Options = {},
): Promise<Asked> {
  const engine = service.engine ?? new FakeEngine('Paris.', { contextSize: 1000 });
  const request = { method: 'POST', path: '/v1/responses', headers, body: Buffer.from(JSON.stringify(body)) };
  const context = toContext({ log: { ...consoleLog, error: () => {} }, ...changes });
  const response = await toWholeResponse(
    await answer(request, { chatTemplate: templates.withTools, model, ...service, engine }, context),
  );
  return { ...response, engine, prompt: engine.detokenize(engine.requests.at(-1)?.prompt ?? []) };
}

/** A function as a tool of a request. */
export const weather = { type: 'function', name: 'weather', parameters: { type: 'object' } };

/** A call of the function as the model writes it. */
export function toCall(args: object): string {
  const json = JSON.stringify(args).replaceAll(':', ': ');
  return `<tool_call>\n{"name": "weather", "arguments": ${json}}\n</tool_call>`;
}
