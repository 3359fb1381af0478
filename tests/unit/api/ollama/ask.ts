// Sends requests to Ollama's endpoints with a fake engine.
import type { ModelService } from '../../../../src/api/service.ts';
import { answer } from '../../../../src/http/answer.ts';
import { toWholeResponse } from '../../../../src/http/http.ts';
import type { Service } from '../../../../src/http/service.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';

export const createdAt = '2026-11-24T12:00:00.000Z';

export const file: NonNullable<ModelService['file']> = {
  sha256: 'ab'.repeat(32),
  bytes: 2048,
  architecture: 'llama',
  parameters: 134_515_008,
  quantisation: 'Q4_1',
  licence: 'Apache-2.0',
};

/** Sends a request with a body, or a GET without one. */
export async function ask(
  path: string,
  body?: unknown,
  service: Partial<Service> = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers,
    body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
  };
  const whole = { engine: new FakeEngine(), model, file, chatTemplate: templates.chatMl, ...service };
  const response = await toWholeResponse(await answer(request, whole, toContext()));
  return {
    ...response,
    json: () => JSON.parse(response.body),
    /** The lines of a stream. The last one ends with a line feed too. */
    lines: () => {
      const texts = response.body.split('\n');
      if (texts.pop() !== '') throw new Error('The last line has no end.');
      return texts.map((text) => JSON.parse(text));
    },
  };
}
