// The OpenAPI document is valid and complete, and its schemas agree with the server's validation.
import { readFileSync } from 'node:fs';
import { Validator as SchemaValidator } from '@cfworker/json-schema';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { parseChatRequest, parseTemplateRequest } from '../../../src/api/chat/chat-request.ts';
import { parseCompletionRequest } from '../../../src/api/completions/completion-request.ts';
import { parseDecisionsRequest } from '../../../src/api/decisions/decisions-request.ts';
import { parseEmbeddingsRequest } from '../../../src/api/embeddings/embeddings-request.ts';
import { parseCountRequest, parseMessagesRequest } from '../../../src/api/messages/messages-request.ts';
import { toInfillRequest, toNativeRequest } from '../../../src/api/native/native-request.ts';
import {
  ollamaChatSchema,
  ollamaEmbeddingsSchema,
  ollamaEmbedSchema,
  ollamaGenerateSchema,
  ollamaShowSchema,
  unsupportedFields,
} from '../../../src/api/ollama/ollama-request.ts';
import { parseFields } from '../../../src/api/request-body.ts';
import { parseRerankRequest } from '../../../src/api/rerank/rerank-request.ts';
import { parseResponsesRequest } from '../../../src/api/responses/chat-body.ts';
import { parseDetokenizeRequest, parseTokenizeRequest } from '../../../src/api/tokens/tokens-request.ts';
import { answer } from '../../../src/http/answer.ts';
import { toWholeResponse } from '../../../src/http/http.ts';
import { eventNames, readEvent } from '../../events.ts';
import { model, toContext } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

interface Operation {
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: object;
}

interface Description {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function describeApi(): Promise<Description> {
  const http = { method: 'GET', path: '/openapi.json', headers: {}, body: Buffer.alloc(0) };
  const service = { engine: new FakeEngine(), model };
  const { body } = await toWholeResponse(await answer(http, service, toContext()));
  return JSON.parse(body);
}

const description = await describeApi();

const parsers: Readonly<Record<string, (body: unknown) => unknown>> = {
  '/v1/completions': parseCompletionRequest,
  '/v1/chat/completions': parseChatRequest,
  '/completion': (body) => parseCompletionRequest(toNativeRequest(body).body),
  '/infill': (body) => {
    const { rest, gap } = toInfillRequest(body);
    return parseCompletionRequest({ ...toNativeRequest(rest).body, prompt: gap.input_prefix });
  },
  '/api/chat': (body) => parseFields(ollamaChatSchema, unsupportedFields, body),
  '/api/generate': (body) => parseFields(ollamaGenerateSchema, unsupportedFields, body),
  '/api/embed': (body) => parseFields(ollamaEmbedSchema, unsupportedFields, body),
  '/api/embeddings': (body) => parseFields(ollamaEmbeddingsSchema, unsupportedFields, body),
  '/api/show': (body) => parseFields(ollamaShowSchema, unsupportedFields, body),
  '/v1/embeddings': parseEmbeddingsRequest,
  '/v1/messages': parseMessagesRequest,
  '/v1/messages/count_tokens': parseCountRequest,
  '/v1/rerank': parseRerankRequest,
  '/v1/decisions': (body) => parseDecisionsRequest(body),
  '/v1/responses': async (body) => parseChatRequest((await parseResponsesRequest(body)).chat),
  '/tokenize': parseTokenizeRequest,
  '/detokenize': parseDetokenizeRequest,
  '/apply-template': parseTemplateRequest,
};

function schemaOf(path: string): object {
  const body = description.paths[path]?.post?.requestBody;
  if (body === undefined) throw new Error(`${path} has no request body.`);
  return body.content['application/json'].schema;
}

/** Validates a body by the document's schema and by the server's parser. */
async function verdicts(path: string, body: unknown): Promise<{ bySchema: boolean; byServer: boolean }> {
  const { valid } = new SchemaValidator(structuredClone(schemaOf(path)), '2020-12').validate(body);
  try {
    await parsers[path]?.(body);
    return { bySchema: valid, byServer: true };
  } catch {
    return { bySchema: valid, byServer: false };
  }
}

describe('GET /openapi.json', () => {
  it('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate({ ...structuredClone(description) });

    expect(result).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has an operation for every route', () => {
    const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );

    expect(operations.sort()).toEqual([
      'delete /api/delete',
      'delete /v1/responses/{id}',
      'get /',
      'get /api/ps',
      'get /api/tags',
      'get /api/version',
      'get /health',
      'get /metrics',
      'get /openapi.json',
      'get /props',
      'get /slots',
      'get /tokenizer_info',
      'get /v1/models',
      'get /v1/models/{id}',
      'get /v1/responses/{id}',
      'get /v1/responses/{id}/input_items',
      'post /api/chat',
      'post /api/copy',
      'post /api/create',
      'post /api/embed',
      'post /api/embeddings',
      'post /api/generate',
      'post /api/pull',
      'post /api/push',
      'post /api/show',
      'post /apply-template',
      'post /completion',
      'post /detokenize',
      'post /infill',
      'post /tokenize',
      'post /v1/chat/completions',
      'post /v1/completions',
      'post /v1/decisions',
      'post /v1/embeddings',
      'post /v1/messages',
      'post /v1/messages/count_tokens',
      'post /v1/rerank',
      'post /v1/responses',
    ]);
  });

  it('shows the errors of an API in its own format', () => {
    const exampleOf = (path: string) => JSON.stringify(description.paths[path]?.post?.responses);

    expect(exampleOf('/api/chat')).toContain('{"error":"The reason."}');
    expect(exampleOf('/v1/messages')).toContain('"type":"error"');
    expect(exampleOf('/v1/completions')).toContain("OpenAI's format");
  });

  it('requires the key everywhere but at / and /health, and describes the parameters of paths', () => {
    const open = Object.entries(description.paths).filter(([, methods]) =>
      Object.values(methods).some(({ security }) => security?.length === 0),
    );

    expect(open.map(([path]) => path).sort()).toEqual(['/', '/health']);
    const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
    const parametersOf = (path: string) => description.paths[path]?.get?.parameters;
    expect(parametersOf('/v1/responses/{id}/input_items')).toMatchObject([
      id,
      { name: 'limit', in: 'query', schema: { type: 'string' } },
      { name: 'order', in: 'query' },
      { name: 'after', in: 'query' },
    ]);
    expect(parametersOf('/v1/models/{id}')).toEqual([id]);
  });
});

/** The name, path and body of each event in events/. */
const examples = [...eventNames('.'), ...eventNames('invalid')].flatMap(
  (name): [string, string, unknown][] => {
    const event = readEvent(name) as Record<string, unknown>;
    if (event.httpMethod === undefined && event.requestContext === undefined) {
      if ('source' in event) return [];
      const { path, ...body } = event;
      if (path !== undefined) return [[name, String(path), body]];
      return [[name, 'messages' in event ? '/v1/chat/completions' : '/v1/completions', event]];
    }
    const path = String(event.rawPath ?? event.path).replace('/prod/', '/');
    const body = Buffer.from(String(event.body ?? ''), event.isBase64Encoded ? 'base64' : 'utf8').toString();
    return /^\{.*\}$/s.test(body) && parsers[path] !== undefined ? [[name, path, JSON.parse(body)]] : [];
  },
);

const tools = [{ type: 'function', function: { name: 'a', parameters: { type: 'object' }, strict: true } }];

/** Valid and invalid bodies by path. */
const bodies: Readonly<Record<string, readonly unknown[]>> = {
  '/v1/completions': [
    {},
    [],
    { prompt: ['a', 'b'], n: 2, best_of: 3, logprobs: 20 },
    { prompt: [1, 2], echo: true, stop: ['a'], stream: true, stream_options: { include_usage: true } },
    { prompt: [[1], [2]], json_schema: true, seed: -1, logit_bias: { 7: -100 } },
    { prompt: 'a', json_schema: { type: 'object' }, suffix: 'b' },
    { prompt: [] },
    { prompt: [1, 'a'] },
    { prompt: [-1] },
    { prompt: [1.5] },
    { prompt: Array(129).fill('a') },
    { prompt: 'a', max_tokens: 0 },
    { prompt: 'a', max_tokens: -1 },
    { prompt: 'a', max_tokens: '8' },
    { prompt: 'a', logprobs: 21 },
    { prompt: 'a', logprobs: true },
    { prompt: 'a', n: 129 },
    { prompt: 'a', temperature: 2.1 },
    { prompt: 'a', repeat_penalty: 0 },
    { prompt: 'a', stop: Array(257).fill('a') },
    { prompt: 'a', seed: 0.5 },
    { prompt: 'a', logit_bias: { a: 1 } },
    { prompt: 'a', logit_bias: { 7: 101 } },
    { prompt: 'a', dry_multiplier: 1, dry_sequence_breakers: [7] },
    { prompt: 'a', t_max_predict_ms: 0 },
    { prompt: 'a', stream_options: { other: true } },
    { prompt: 'a', mirostat: 1 },
    { prompt: 'a', other: 1 },
  ],
  '/v1/chat/completions': [
    {},
    { model, messages: [] },
    { model, messages: [{ role: 'user', content: 'Hi' }] },
    { messages: [{ role: 'user', content: 'Hi' }] },
    { model, messages: [{ role: 'bot', content: 'Hi' }] },
    { model, messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
    { model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'a' } }] }] },
    { model, messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'a' } }] }] },
    { model, messages: [{ role: 'tool', content: 'a' }] },
    {
      model,
      messages: [
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: '1', function: { name: 'a', arguments: '{}' } }],
        },
        { role: 'tool', content: 'a', tool_call_id: '1' },
      ],
    },
    { model, messages: [{ role: 'user', content: 'Hi' }], tools, tool_choice: 'required' },
    {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      tools,
      tool_choice: { type: 'function', function: { name: 'a' } },
    },
    { model, messages: [{ role: 'user', content: 'Hi' }], tools, tool_choice: 'sometimes' },
    {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      tools: [{ type: 'function', function: { name: 'a b' } }],
    },
    { model, messages: [{ role: 'user', content: 'Hi' }], response_format: { type: 'json_object' } },
    {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {}, strict: null } },
    },
    { model, messages: [{ role: 'user', content: 'Hi' }], response_format: { type: 'xml' } },
    { model, messages: [{ role: 'user', content: 'Hi' }], logprobs: true, top_logprobs: 20 },
    { model, messages: [{ role: 'user', content: 'Hi' }], logprobs: true, top_logprobs: 21 },
    { model, messages: [{ role: 'user', content: 'Hi' }], metadata: { a: 'b' }, store: false },
    { model, messages: [{ role: 'user', content: 'Hi' }], store: true },
    { model, messages: [{ role: 'user', content: 'Hi' }], reasoning_effort: 'none' },
    { model, messages: [{ role: 'user', content: 'Hi' }], functions: [] },
  ],
  '/completion': [
    {},
    { prompt: 'a', n_predict: -1, n_probs: 5, response_fields: ['content'] },
    { prompt: ['a', 'b'] },
    { prompt: 'a', n_probs: -1 },
    { prompt: 'a', response_fields: 'content' },
  ],
  '/infill': [
    {},
    {
      input_prefix: 'a',
      input_suffix: 'b',
      input_extra: [{ text: 'c', filename: 'd', time: 1 }],
      prompt: 'e',
    },
    { input_prefix: 1 },
    { input_extra: [{ filename: 'd' }] },
    { prompt: ['a'] },
  ],
  '/v1/messages': [
    {},
    { messages: [] },
    { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 },
    { messages: [{ role: 'tool', content: 'Hi' }] },
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'a' } }] }] },
    { messages: [{ role: 'user', content: [{ type: 'new', data: 1 }] }] },
    { messages: [{ role: 'user', content: [7] }] },
    { messages: [{ role: 'user', content: null }] },
    { messages: [{ role: 'user', content: 'Hi' }], system: [{ type: 'text', text: 'a' }] },
    { messages: [{ role: 'user', content: 'Hi' }], system: [{ type: 'image' }] },
    { messages: [{ role: 'user', content: 'Hi' }], max_tokens: -1 },
    { messages: [{ role: 'user', content: 'Hi' }], stop_sequences: ['a'] },
    { messages: [{ role: 'user', content: 'Hi' }], stop_sequences: 'a' },
    { messages: [{ role: 'user', content: 'Hi' }], tools: [{ name: 'a' }, { type: 'b', c: 1 }] },
    { messages: [{ role: 'user', content: 'Hi' }], tools: ['a'] },
    { messages: [{ role: 'user', content: 'Hi' }], tool_choice: { type: 'tool', name: 'a' } },
    { messages: [{ role: 'user', content: 'Hi' }], tool_choice: { type: 'tool' } },
    { messages: [{ role: 'user', content: 'Hi' }], tool_choice: 'auto' },
    { messages: [{ role: 'user', content: 'Hi' }], thinking: { type: 'enabled', budget_tokens: 9 } },
    { messages: [{ role: 'user', content: 'Hi' }], thinking: true },
    { messages: [{ role: 'user', content: 'Hi' }], output_config: { effort: 'low' } },
    { messages: [{ role: 'user', content: 'Hi' }], output_config: { format: { type: 'text' } } },
  ],
  '/v1/messages/count_tokens': [{ messages: [{ role: 'user', content: 'Hi' }] }, { messages: 'Hi' }, {}],
  '/api/chat': [
    {},
    { messages: [] },
    {
      model: 'a',
      messages: [{ role: 'user', content: 'Hi', images: [] }],
      stream: false,
      keep_alive: '5m',
    },
    { messages: [{ content: 'Hi' }] },
    { messages: [{ role: 'user', content: 'Hi' }], format: 'json', think: 'low', tools: [] },
    { messages: [{ role: 'user', content: 'Hi' }], format: 'xml' },
    { messages: [{ role: 'user', content: 'Hi' }], think: 'much' },
    { messages: [{ role: 'user', content: 'Hi' }], options: { temperature: 0, num_ctx: 1, stop: ['a'] } },
    { messages: [{ role: 'user', content: 'Hi' }], options: { top_p: 'a' } },
  ],
  '/api/generate': [
    {},
    { prompt: 'a', raw: true, stream: null, format: { type: 'object' } },
    { prompt: 7 },
    { prompt: 'a', suffix: 'b', system: 'c', images: ['d'], template: 'e', context: [1] },
    { prompt: 'a', images: 'd' },
  ],
  '/api/embed': [{}, { input: 'a' }, { input: ['a', 'b'], truncate: true, dimensions: 4 }, { input: 7 }],
  '/api/embeddings': [{}, { prompt: 'a', keep_alive: 0 }, { prompt: ['a'] }],
  '/api/show': [{}, { model: 'a', verbose: true }, { name: 7 }],
  '/v1/embeddings': [
    {},
    { input: 'a' },
    { input: [] },
    { input: ['a'] },
    { input: [1] },
    { input: [[1]] },
    { input: 7 },
  ],
  '/v1/rerank': [
    {},
    { query: 'a', documents: ['b'] },
    { query: 'a', documents: [] },
    { query: 'a', documents: [7] },
  ],
  '/v1/decisions': [
    {},
    { input: 'a', questions: [{ type: 'predicate', instructions: 'b' }] },
    { input: 'a', questions: [] },
    { input: [{ role: 'user', content: 'a' }], questions: [{ type: 'predicate', instructions: [] }] },
    {
      input: [
        { role: 'user', content: [{ type: 'input_json', data: {} }] },
        { type: 'function_call', call_id: 'c', name: 'd', arguments: '' },
        { type: 'function_call_output', call_id: 'c', output: 'e' },
      ],
      questions: [
        { type: 'choice', instructions: 'b', choices: [{ value: true }, { value: 'c', description: 'd' }] },
        { type: 'score', instructions: 'b', levels: [{ label: 'c' }, { label: 'd' }], name: 'e' },
      ],
    },
    { input: 'a', questions: [{ type: 'choice', instructions: 'b', choices: [{ value: 'c' }] }] },
    { input: 'a', questions: [{ type: 'score', instructions: 'b', levels: [{ label: 7 }, { label: 'd' }] }] },
    { input: 'a', questions: [{ type: 'rank', instructions: 'b' }] },
  ],
  '/v1/responses': [
    {},
    [],
    { input: 'a', instructions: 'b', max_output_tokens: 8, store: false, top_p: 0.5 },
    { input: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }] }] },
    {
      input: [
        { type: 'reasoning', id: 'a', summary: [{ type: 'summary_text', text: 'b' }] },
        { type: 'function_call', call_id: 'a', name: 'b', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'b' }] },
      ],
    },
    { input: 7 },
    { input: 'a', tools: [{ type: 'function', name: 'a' }], tool_choice: { type: 'function', name: 'a' } },
    { input: 'a', tools: [{ type: 'web_search' }], tool_choice: { type: 'web_search' } },
    { input: 'a', tools: [{ name: 'a' }] },
    { input: 'a', text: { format: { type: 'json_schema', name: 'a', schema: {}, strict: true } } },
    { input: 'a', text: { format: { type: 'xml' } } },
    { input: 'a', reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] },
    { input: 'a', include: 'all' },
    { input: 'a', top_logprobs: 21 },
    { input: 'a', truncation: 'some' },
    { input: 'a', background: false, previous_response_id: null },
    { input: 'a', background: true },
    { input: 'a', previous_response_id: 5 },
    { input: 'a', temperature: -1 },
  ],
  '/tokenize': [{ prompt: 'a' }, { content: 'a', with_pieces: true }, { content: 7 }, { text: 'a' }],
  '/detokenize': [{ tokens: [] }, { tokens: [1] }, { tokens: [-1] }, { tokens: 'a' }, {}],
  '/apply-template': [{ messages: [{ role: 'user', content: 'a' }] }, { messages: [] }, {}],
};

it('has the version of the package', () => {
  const path = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };

  expect(description.info.version).toBe(version);
});

describe('the schema of a request', () => {
  it('exists for every route with a body', () => {
    const described = Object.entries(description.paths).filter(
      ([, methods]) => methods.post?.requestBody !== undefined,
    );

    expect(described.map(([path]) => path).sort()).toEqual(Object.keys(parsers).sort());
    expect(examples.length).toBeGreaterThan(15);
  });

  it.each(examples)('agrees with the server about events/%s.json', async (_, path, body) => {
    const { bySchema, byServer } = await verdicts(path, body);

    expect(bySchema).toBe(byServer);
  });

  it.each(
    Object.entries(bodies).flatMap(([path, list]) => list.map((body): [string, unknown] => [path, body])),
  )('of %s agrees with the server about %j', async (path, body) => {
    const { bySchema, byServer } = await verdicts(path, body);

    expect(bySchema).toBe(byServer);
  });
});
