// GET /v1/models as Anthropic's clients ask for it.
import { describe, expect, it } from 'vitest';
import { answer } from '../../../../src/http/answer.ts';
import { toWholeResponse } from '../../../../src/http/http.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';

async function get(path: string, headers: Record<string, string> = { 'anthropic-version': '2023-06-01' }) {
  const service = { engine: new FakeEngine(), model, modelAliases: ['claude'] };
  const http = { method: 'GET', path, headers, body: Buffer.alloc(0) };
  const { status, body } = await toWholeResponse(await answer(http, service, toContext()));
  return { status, body: JSON.parse(body) };
}

const info = { type: 'model', display_name: model, created_at: '1970-01-01T00:00:00Z', max_input_tokens: 64 };

describe('the models', () => {
  it("are listed in Anthropic's format", async () => {
    const { body } = await get('/v1/models');

    expect(body).toMatchObject({ has_more: false, first_id: model, last_id: 'claude' });
    expect(body.data).toMatchObject([{ id: model, ...info }, { id: 'claude' }]);
  });

  it('are described one by one', async () => {
    expect(await get(`/v1/models/${model}`)).toMatchObject({ status: 200, body: { id: model, ...info } });
    expect(await get('/v1/models/other')).toMatchObject({ status: 404 });
  });

  it("keep OpenAI's format for other clients", async () => {
    expect((await get('/v1/models', {})).body).toMatchObject({
      object: 'list',
      data: [{ object: 'model' }, {}],
    });
  });
});
