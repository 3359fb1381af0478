// Generated bodies: no body makes the server fail, and no foreign or neutral field changes what the engine is asked for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer } from '../../../src/http/answer.ts';
import { toWholeResponse } from '../../../src/http/http.ts';
import type { Service } from '../../../src/http/service.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { model, toContext } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';

const unexpected: unknown[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (error: unknown) => void unexpected.push(error),
};

async function ask(
  path: string,
  body: unknown,
  options: { headers?: Record<string, string>; template?: keyof typeof templates } = {},
) {
  const { headers = {}, template = 'chatMl' } = options;
  // A text that the model did not end is not checked against a schema.
  const engine = new FakeEngine('Hello.', {
    contextSize: 4096,
    infills: true,
    summary: { finishReason: 'length' },
  });
  const service: Service = {
    engine,
    model,
    chatTemplate: templates[template],
    embedder: new FakeEmbedder(
      path === '/v1/rerank' ? { type: 'rank' } : { type: 'embed', dimensions: 4, matryoshka: false },
    ),
  };
  const http = { method: 'POST', path, headers, body: Buffer.from(JSON.stringify(body)) };
  const context = toContext({ log, receivedAt: new Date(0) });
  const response = await toWholeResponse(await answer(http, service, context));
  // Ollama's answers tell the time that they took.
  const timeless = response.body.replaceAll(/"(\w+_duration)":\d+/g, '"$1":0');
  return { ...response, body: timeless, requests: engine.requests };
}

const text = fc.oneof(fc.constant('Hi'), fc.string({ maxLength: 8 }), fc.constant('\ud800'));
const neutral = fc.constantFrom<unknown>(null, '', [], {});
const odd = fc.oneof(
  neutral,
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<unknown>(2 ** 63, -(2 ** 63), 1e308, 5e-324, '-1', 'auto', [[]], [null], [{}]),
  text,
  fc.jsonValue({ maxDepth: 3 }),
);

const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x": 1}' } };
const tool = {
  type: 'function',
  function: { name: 'f', parameters: { type: 'object', properties: { x: {} } } },
};
const texts = [{ type: 'text', text: 'Hi' }];

/** A body of each route that has every kind of object that a request may have. */
const bodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '/v1/chat/completions': {
    model,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: texts },
      { role: 'assistant', content: 'Hm', reasoning: 'Hm', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: texts },
      { role: 'function', name: 'f', content: '12' },
      { role: 'assistant', content: texts, function_call: call.function },
      { role: 'user', content: 'Bye' },
    ],
    tools: [tool],
    tool_choice: 'auto',
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 9,
    temperature: 0.5,
    seed: 7,
  },
  '/v1/completions': {
    prompt: ['Hi', 'Ho'],
    stop: ['x'],
    logit_bias: { 5: 1 },
    n: 2,
    stream: true,
    stream_options: { include_usage: true },
    top_k: 3,
    seed: 7,
  },
  '/completion': {
    prompt: [72, 'i'],
    n_predict: 9,
    n_probs: 2,
    stop: ['x'],
    samplers: ['top_k', 'temperature'],
    response_fields: ['content', 'timings/prompt_n'],
  },
  '/infill': {
    input_prefix: 'a',
    input_suffix: 'b',
    input_extra: [{ text: 'c', filename: 'd' }],
    prompt: 'e',
    stop: ['x'],
    n_predict: 9,
    stream: true,
  },
  '/v1/responses': {
    input: [
      { role: 'developer', content: 'Be brief.', id: 'a' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }], id: 'b' },
      { type: 'reasoning', summary: [], content: [], id: 'c' },
      { role: 'assistant', content: 'Hm', id: 'd' },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x": 1}', id: 'e' },
      { type: 'function_call_output', call_id: 'a', output: '12', id: 'f' },
      { role: 'user', content: 'Bye', id: 'g' },
    ],
    instructions: 'Be kind.',
    tools: [{ ...tool.function, type: 'function' }],
    tool_choice: 'auto',
    text: { format: { type: 'text' } },
    reasoning: { summary: 'auto' },
    stream: true,
    max_output_tokens: 9,
    temperature: 0.5,
    seed: 7,
  },
  '/v1/messages': {
    model,
    system: texts,
    messages: [
      { role: 'user', content: texts },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm', signature: 'a' },
          ...texts,
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: texts }, ...texts] },
    ],
    tools: [{ name: 'f', input_schema: tool.function.parameters }],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    max_tokens: 9,
    temperature: 0.5,
    stop_sequences: ['x'],
    stream: true,
  },
  '/v1/messages/count_tokens': { messages: [{ role: 'user', content: texts }], system: 'Hi' },
  '/api/chat': {
    model,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: '',
        thinking: 'Hm',
        tool_calls: [{ id: 'a', function: { name: 'f', arguments: { x: 1 } } }],
      },
      { role: 'tool', tool_name: 'f', content: '12' },
    ],
    tools: [tool],
    options: { temperature: 0.5, num_predict: 9, seed: 7, stop: ['x'] },
  },
  '/api/generate': {
    prompt: 'Hi',
    system: 'Be brief.',
    stream: false,
    logprobs: true,
    top_logprobs: 2,
    options: { top_k: 3, num_predict: 9 },
  },
  '/api/embed': { input: ['Hi', 'Ho'], dimensions: 2 },
  '/api/embeddings': { prompt: 'Hi' },
  '/api/show': { model, verbose: true },
  '/v1/embeddings': { input: ['Hi', 'Ho'], encoding_format: 'base64' },
  '/v1/rerank': { query: 'Hi', documents: ['Ho', { text: 'Hi' }] },
  '/v1/decisions': {
    input: [
      { id: 'm1', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { id: 'c1', type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { id: 'o1', type: 'function_call_output', call_id: 'a', output: '12' },
      { id: 'm2', role: 'assistant', content: [{ type: 'output_text', text: 'Ho' }] },
    ],
    questions: [
      { type: 'predicate', instructions: 'Is it?', name: 'a' },
      {
        type: 'choice',
        instructions: [{ type: 'input_text', text: 'Which?' }],
        choices: [{ value: 'a' }, { value: true }],
      },
      { type: 'score', instructions: 'How?', levels: [{ label: 'a', description: 'b' }, { label: 'b' }] },
    ],
  },
  '/tokenize': { content: 'Hi', with_pieces: true },
  '/detokenize': { tokens: [72, 105] },
  '/apply-template': { messages: [{ role: 'user', content: texts }], tools: [tool] },
};

/** The optional fields, which may be anything in a body that is odd. */
const fieldNames = [
  ...new Set(Object.values(bodies).flatMap((body) => Object.keys(body))),
  ...[
    'max_completion_tokens',
    'n_predict',
    'top_p',
    'min_p',
    'typical_p',
    'mirostat',
    'repeat_penalty',
    'echo',
  ],
  ...[
    'best_of',
    'logprobs',
    'top_logprobs',
    'suffix',
    'grammar',
    'json_schema',
    'response_format',
    'samplers',
  ],
  ...[
    'presence_penalty',
    'reasoning_effort',
    'parallel_tool_calls',
    'chat_template_kwargs',
    'functions',
    'user',
  ],
  ...[
    'dry_multiplier',
    'dry_sequence_breakers',
    'xtc_probability',
    'n_probs',
    'min_tokens',
    'lora',
    'metadata',
  ],
  ...[
    'store',
    'modalities',
    'dimensions',
    'top_n',
    'return_documents',
    'add_special',
    '__proto__',
    'toString',
  ],
  ...['format', 'keep_alive', 'think', 'template', 'raw', 'context', 'images', 'name', 'truncate'],
  ...['include', 'truncation', 'background', 'previous_response_id', 'conversation'],
];

type Path = readonly (string | number)[];

/** The paths to all objects and lists in a value, and to their items. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    pathsIn(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [path, ...inner];
}

/** Returns a copy with another value at a path. */
function replaceAt(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((item, index) => (index === key ? replaceAt(item, rest, replacement) : item));
  const fields = { ...(value as Record<string, unknown>) };
  return { ...fields, [key]: replaceAt(fields[key], rest, replacement) };
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], value);
}

const routes = fc.constantFrom(...Object.keys(bodies));
const strictness = fc.constantFrom<Record<string, string>>({}, { 'x-strict-fields': 'true' });

describe('an odd body', () => {
  it('has a whole one to start from for every route', async () => {
    const http = { method: 'GET', path: '/openapi.json', headers: {}, body: Buffer.alloc(0) };
    const service = { engine: new FakeEngine(), model };
    const { body } = await toWholeResponse(await answer(http, service, toContext({ log })));
    const { paths } = JSON.parse(body) as { paths: Record<string, { post?: object }> };
    const postPaths = Object.keys(paths).filter((path) => 'requestBody' in (paths[path]?.post ?? {}));

    expect(Object.keys(bodies).toSorted()).toEqual(postPaths.toSorted());
  });

  it('never makes the server fail', async () => {
    const change = fc.record({ at: fc.nat(), value: odd });
    const fields = fc.dictionary(fc.constantFrom(...fieldNames), odd, { maxKeys: 4 });
    // A template that breaks is a fault of the server's.
    const names = (Object.keys(templates) as (keyof typeof templates)[]).filter((name) => name !== 'broken');
    await fc.assert(
      fc.asyncProperty(
        routes,
        fc.array(change, { maxLength: 3 }),
        fields,
        strictness,
        fc.constantFrom(...names),
        async (route, changes, more, headers, template) => {
          let body: unknown = { ...bodies[route], ...more };
          for (const { at, value } of changes) {
            const paths = pathsIn(body);
            body = replaceAt(body, paths[at % paths.length] ?? [], value);
          }
          const { status, body: content } = await ask(route, body, { headers, template });

          expect([200, 400]).toContain(status);
          if (status === 400) {
            const { error } = JSON.parse(content);
            expect(route.startsWith('/api/') ? error : error.type).toEqual(
              route.startsWith('/api/') ? expect.any(String) : 'invalid_request_error',
            );
          }
          expect(unexpected).toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** The objects of a body whose fields the server knows. Schemas, maps and editors' chunks have fields of the client's own. */
function objectsIn(body: unknown): Path[] {
  const own = ['parameters', 'input_schema', 'arguments', 'logit_bias', 'input_extra'];
  // Of a call, not of a whole request.
  const isInput = (path: Path) => path.slice(1).includes('input');
  const isOwn = (path: Path) => own.some((name) => path.includes(name)) || isInput(path);
  return pathsIn(body).filter((path) => {
    const value = valueAt(body, path);
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !isOwn(path);
  });
}

describe('a foreign field', () => {
  it('anywhere changes nothing, and is told', async () => {
    const name = fc.constantFrom('id', 'cache_control', 'x_foreign', 'provider_specific_fields', 'strictly');
    const value = odd.filter((each) => !isNeutral(each));
    await fc.assert(
      fc.asyncProperty(routes, fc.nat(), name, value, async (route, at, field, foreign) => {
        const body = bodies[route];
        const paths = objectsIn(body);
        const path = paths[at % paths.length] ?? [];
        const holder = valueAt(body, path) as object;
        // Anthropic's format knows it almost everywhere.
        fc.pre(!(field in holder) && (field !== 'cache_control' || !route.startsWith('/v1/messages')));
        const told = await ask(route, replaceAt(body, [...path, field], foreign));
        const plain = await ask(route, body);

        expect(told.headers['x-ignored-fields']).toBe([...path, field].join('.'));
        expect({ ...told, headers: plain.headers }).toEqual(plain);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a neutral value', () => {
  it('of an optional field is the same as none', async () => {
    const required = [
      'messages',
      'prompt',
      'input',
      'questions',
      'query',
      'documents',
      'tokens',
      'content',
      'stream',
    ];
    // An empty schema allows any JSON.
    const schemas = ['json_schema', 'format'];
    const optional = fieldNames.filter((name) => !required.includes(name) && !schemas.includes(name));
    await fc.assert(
      fc.asyncProperty(routes, fc.constantFrom(...optional), neutral, async (route, field, value) => {
        const { [field]: _, ...rest } = bodies[route] ?? {};
        const plain = await ask(route, rest);
        const given = await ask(route, { ...rest, [field]: value });

        expect(given.status).toBe(plain.status);
        expect(given).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });
});

function isNeutral(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}
