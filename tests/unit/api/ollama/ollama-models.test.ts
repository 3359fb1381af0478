import { describe, expect, it } from 'vitest';
import { answer } from '../../../../src/http/answer.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { FakeEmbedder } from '../fake-embedder.ts';
import { model, toContext } from '../fake-service.ts';
import { ask, file } from './ask.ts';

const details = {
  parent_model: '',
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '134.52M',
  quantization_level: 'Q4_1',
  context_length: 64,
  embedding_length: 8,
};

describe('GET /api/tags', () => {
  it('lists the model under each of its names, with a tag', async () => {
    const { json } = await ask('/api/tags', undefined, { modelAliases: ['llama3.2:1b'] });
    const listed = (name: string) => ({
      name,
      model: name,
      modified_at: '1970-01-01T00:00:00Z',
      size: 2048,
      digest: file.sha256,
      details,
      capabilities: ['completion', 'tools'],
    });

    expect(json()).toEqual({ models: [listed('fake-1b:latest'), listed('llama3.2:1b')] });
  });
});

describe('GET /api/ps', () => {
  it('says that the model is loaded', async () => {
    const { json } = await ask('/api/ps', undefined, { modelAliases: ['other'] });

    expect(json()).toEqual({
      models: [
        {
          name: 'fake-1b:latest',
          model: 'fake-1b:latest',
          size: 2048,
          digest: file.sha256,
          details,
          expires_at: '2318-01-01T00:00:00Z',
          size_vram: 0,
          context_length: 64,
        },
      ],
    });
  });
});

describe('GET /api/version', () => {
  it('is a version that clients can compare', async () => {
    expect((await ask('/api/version')).json().version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('POST /api/show', () => {
  it('describes the model, with the context of the server', async () => {
    const engine = new FakeEngine('', {
      properties: { trainContextSize: 8192 },
    });
    const { json } = await ask('/api/show', { model }, { engine });

    expect(json()).toEqual({
      license: 'Apache-2.0',
      modelfile: 'FROM fake-1b:latest\n',
      parameters: 'num_ctx                        64',
      template: templates.chatMl.source,
      details,
      model_info: {
        'general.architecture': 'llama',
        'general.parameter_count': 134_515_008,
        'llama.context_length': 64,
        'llama.embedding_length': 8,
        'llama.vocab_size': expect.any(Number),
      },
      capabilities: ['completion', 'tools'],
      modified_at: '1970-01-01T00:00:00Z',
    });
  });

  it.each([
    [{ engine: new FakeEngine('', { infills: true }) }, ['completion', 'tools', 'insert']],
    [{ chatTemplate: templates.thinking }, ['completion', 'tools', 'thinking']],
    [{ chatTemplate: undefined }, ['completion']],
    [
      {
        engine: new FakeEngine('', { slots: 0 }),
        embedder: new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: false }),
      },
      ['embedding'],
    ],
  ])('tells what the model can do', async (service, capabilities) => {
    expect((await ask('/api/show', { model }, service)).json().capabilities).toEqual(capabilities);
  });

  it('writes billions of weights', async () => {
    const { json } = await ask(
      '/api/show',
      { name: model },
      { file: { ...file, parameters: 7_615_616_512 } },
    );

    expect(json().details.parameter_size).toBe('7.6B');
  });

  it('does not know another model under the strict rule', async () => {
    const { status, json } = await ask('/api/show', { model: 'llama3.2' }, { strictModel: true });

    expect([status, json()]).toEqual([404, { error: expect.stringContaining('Unknown model') }]);
  });
});

describe('a request that would change the model', () => {
  it.each([
    ['POST', '/api/pull'],
    ['POST', '/api/push'],
    ['POST', '/api/create'],
    ['POST', '/api/copy'],
    ['DELETE', '/api/delete'],
  ])('%s %s is told that the model is baked', async (method, path) => {
    const http = { method, path, headers: {}, body: Buffer.from('{"model":"llama3.2"}') };
    const { status, body } = await answer(http, { engine: new FakeEngine(), model }, toContext());

    expect([status, JSON.parse(String(body))]).toEqual([
      400,
      { error: expect.stringContaining("'fake-1b:latest', which is baked into its image") },
    ]);
  });
});

describe('HEAD', () => {
  it.each(['/', '/api/tags', '/api/version'])('%s is answered without a body', async (path) => {
    const http = { method: 'HEAD', path, headers: {}, body: Buffer.alloc(0) };
    const { status, body } = await answer(http, { engine: new FakeEngine(), model }, toContext());

    expect([status, body]).toEqual([200, '']);
  });
});

describe('an unsupported method', () => {
  it("is refused in Ollama's form", async () => {
    const { status, headers, json } = await ask('/api/chat');

    expect([status, headers.allow, json()]).toEqual([
      405,
      'POST',
      { error: '/api/chat does not allow GET. Use POST.' },
    ]);
  });
});
