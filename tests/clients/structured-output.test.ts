// Answers that must match a schema or a grammar, on both endpoints.
import { zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ChatChunk, ChatCompletion } from '../../src/api/chat/chat-completion.ts';
import type { Completion } from '../../src/api/completions/completion.ts';
import type { ErrorBody } from '../../src/errors/request-error.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const messages = [{ role: 'user' as const, content: 'Write an example.' }];
/** A usual regular expression for IPv4 addresses, not written for grammars. */
const address =
  '^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$';

const employee = z.strictObject({
  name: z.string().min(1).max(12),
  age: z.int().min(18).max(99),
  skills: z
    .array(z.enum(['Rust', 'Python', 'C++']))
    .min(1)
    .max(2),
  home: z.nullable(z.strictObject({ city: z.string().max(10) })),
});

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => {
  await server.end();
});

const toChat = (fields: object) => ({
  model: model.name,
  messages,
  max_tokens: 60,
  temperature: 0,
  ...fields,
});
const toCompletion = (fields: object) => ({
  prompt: 'An example:',
  max_tokens: 60,
  temperature: 0,
  ...fields,
});
const toFormat = (schema: unknown) => ({ type: 'json_schema', json_schema: { name: 'answer', schema } });

async function chat(fields: object): Promise<ChatCompletion['choices'][number]> {
  const { status, body } = await server.post<ChatCompletion>('/v1/chat/completions', toChat(fields));
  expect({ status, body }).toMatchObject({ status: 200, body: { choices: [{ index: 0 }] } });
  return body.choices[0] as ChatCompletion['choices'][number];
}

async function complete(fields: object): Promise<Completion['choices'][number]> {
  const { status, body } = await server.post<Completion>('/v1/completions', toCompletion(fields));
  expect({ status, body }).toMatchObject({ status: 200, body: { choices: [{ index: 0 }] } });
  return body.choices[0] as Completion['choices'][number];
}

async function refuse(path: string, request: object): Promise<ErrorBody['error']> {
  const { status, body } = await server.post<ErrorBody>(path, request);
  expect({ status, body }).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
  return body.error;
}

const refuseChat = (fields: object) => refuse('/v1/chat/completions', toChat(fields));
const refuseCompletion = (fields: object) => refuse('/v1/completions', toCompletion(fields));

describe('a schema', () => {
  const cases: [name: string, schema: object, expected: unknown][] = [
    ['a constant', { const: 'foooooo' }, 'foooooo'],
    [
      'a choice',
      { enum: ['sedan', 'SUV', 'Truck', 4] },
      expect.toSatisfy((value) => ['sedan', 'SUV', 'Truck', 4].includes(value)),
    ],
    [
      'a whole number',
      { type: 'integer', minimum: -3, maximum: 12 },
      expect.toSatisfy((value) => Number.isInteger(value) && value >= -3 && value <= 12),
    ],
    ['a pattern', { type: 'string', pattern: address }, expect.stringMatching(new RegExp(address))],
    [
      'a list',
      { type: 'array', items: { type: 'integer', minimum: 0, maximum: 9 }, minItems: 2, maxItems: 3 },
      expect.toSatisfy((value) => [2, 3].includes(value.length)),
    ],
    [
      'one of two',
      { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
      expect.toSatisfy((value) => [true, false, null].includes(value)),
    ],
    [
      'an object',
      {
        type: 'object',
        properties: { brand: { $ref: '#/$defs/brand' } },
        required: ['brand'],
        additionalProperties: false,
        $defs: { brand: { type: 'string', maxLength: 5 } },
      },
      { brand: expect.stringMatching(/^.{0,5}$/) },
    ],
  ];

  it.each(cases)('of %s is matched by chat and by completions', async (_, schema, expected) => {
    const chatted = await chat({ response_format: toFormat(schema) });
    const completed = await complete({ json_schema: schema });

    expect(chatted.finish_reason).toBe('stop');
    expect(JSON.parse(chatted.message.content ?? '')).toEqual(expected);
    expect(completed.finish_reason).toBe('stop');
    expect(JSON.parse(completed.text)).toEqual(expected);
  });

  it('is matched by every choice at temperature 1, whole and streamed', async () => {
    const fields = {
      response_format: toFormat(z.toJSONSchema(employee)),
      n: 2,
      temperature: 1,
      seed: 1,
      max_tokens: 120,
    };
    const { body } = await server.post<ChatCompletion>('/v1/chat/completions', toChat(fields));
    const chunks = await server.stream<ChatChunk>('/v1/chat/completions', toChat(fields));
    const deltas = chunks.flatMap(({ choices }) => choices);

    for (const { index, message, finish_reason } of body.choices) {
      const streamed = deltas
        .filter((delta) => delta.index === index)
        .map(({ delta }) => delta.content ?? '')
        .join('');
      expect(finish_reason).toBe('stop');
      expect(employee.safeParse(JSON.parse(message.content ?? ''))).toMatchObject({ success: true });
      expect(streamed).toBe(message.content);
    }
    expect(body.choices).toHaveLength(2);
  });

  it('is matched with log-probabilities, and all of them are finite', async () => {
    const format = { response_format: toFormat({ enum: ['a', 'b'] }), logprobs: true, top_logprobs: 5 };
    const { message, logprobs } = await chat(format);
    const entries = logprobs?.content ?? [];

    expect(
      entries
        .map(({ token }) => token)
        .join('')
        .startsWith(message.content ?? '-'),
    ).toBe(true);
    for (const { logprob, top_logprobs } of entries) {
      expect(Number.isFinite(logprob)).toBe(true);
      expect(top_logprobs.every((entry) => Number.isFinite(entry.logprob))).toBe(true);
    }
    expect(message.content).toBe((await chat({ response_format: format.response_format })).message.content);
  });

  it('that needs more than max_tokens is answered in part, with the finish reason length', async () => {
    const schema = { type: 'array', items: { type: 'integer' }, minItems: 50 };
    const cut = await chat({ response_format: toFormat(schema), max_tokens: 5 });

    expect(cut.finish_reason).toBe('length');
    expect(cut.message.content).toMatch(/^\[/);
  });

  it.each([
    ['an unknown type', { type: 'hiccup' }],
    ['a number for a type', { type: 123 }],
    ['a text for a property', { type: 'object', properties: { foo: 'bar' } }],
    ['an unresolved reference', { $ref: '#/$defs/nothing' }],
    ['an invalid pattern', { type: 'string', pattern: '[.*' }],
  ])('with %s is rejected', async (_, schema) => {
    expect(await refuseChat({ response_format: toFormat(schema) })).toMatchObject({
      param: 'response_format',
    });
    expect(await refuseChat({ response_format: toFormat(schema), stream: true })).toMatchObject({
      param: 'response_format',
    });
    expect(await refuseCompletion({ json_schema: schema })).toMatchObject({ param: 'json_schema' });
  });
});

describe('a keyword that no grammar can express', () => {
  it('is checked on the text', async () => {
    const schema = { type: 'integer', minimum: 1, maximum: 9, multipleOf: 1 };
    const { message } = await chat({ response_format: toFormat(schema) });

    expect(Number(message.content)).toBeGreaterThanOrEqual(1);
  });
});

describe('response_format', () => {
  it('json_object generates any object', async () => {
    const { message, finish_reason } = await chat({
      messages: [
        { role: 'user', content: 'What is 1+1? Answer with a JSON object of the form {"result": 2}' },
      ],
      response_format: { type: 'json_object' },
    });

    expect(finish_reason).toBe('stop');
    expect(JSON.parse(message.content ?? '')).toBeTypeOf('object');
    expect(message.content).toMatch(/^\{/);
  });

  it('text changes nothing', async () => {
    const free = { max_tokens: 6 };

    expect(await chat({ ...free, response_format: { type: 'text' } })).toEqual(await chat(free));
  });

  it.each([
    [{ type: 'sound' }],
    [{ type: 'json_schema' }],
    [{ type: 'json_schema', json_schema: { name: 'x', schema: 123 } }],
    [{ type: 'json_object', schema: 123 }],
    ['json_object'],
  ])('is rejected: %j', async (response_format) => {
    expect(await refuseChat({ response_format })).toMatchObject({
      message: expect.stringMatching(/response_format|schema/),
    });
  });
});

describe('a grammar', () => {
  const grammar = 'root ::= "a"{5,5}';

  it('is matched, by chat and by completions', async () => {
    expect(await chat({ grammar })).toMatchObject({ message: { content: 'aaaaa' }, finish_reason: 'stop' });
    expect(await complete({ grammar })).toMatchObject({ text: 'aaaaa', finish_reason: 'stop' });
  });

  it('with several rules is matched at temperature 2, with different texts', async () => {
    const query = [
      'root ::= "SELECT " column " from " table " where " condition',
      'column ::= "col_1" | "col_2"',
      'table ::= "table_1" | "table_2"',
      'condition ::= column " = " [12]',
    ].join('\n');
    const texts = [];
    for (const seed of [1, 2, 3, 4])
      texts.push((await complete({ grammar: query, temperature: 2, seed })).text);

    for (const text of texts) expect(text).toMatch(/^SELECT col_[12] from table_[12] where col_[12] = [12]$/);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it.each(['root ::= (', 'root ::= missing', 'other ::= "a"'])(
    'that is invalid is rejected: %j',
    async (wrong) => {
      for (const stream of [false, true]) {
        expect(await refuseChat({ grammar: wrong, stream })).toMatchObject({ param: 'grammar' });
        expect(await refuseCompletion({ grammar: wrong, stream })).toMatchObject({ param: 'grammar' });
      }
      expect((await complete({ grammar })).text).toBe('aaaaa');
    },
  );

  it('is rejected together with a schema', async () => {
    const message = /grammar.* cannot be used together/;
    expect(await refuseCompletion({ grammar, json_schema: { const: 1 } })).toMatchObject({
      message: expect.stringMatching(message),
    });
    expect(await refuseChat({ grammar, response_format: { type: 'json_object' } })).toMatchObject({
      message: expect.stringMatching(message),
    });
  });
});

describe("OpenAI's client with a Zod schema", () => {
  const request = {
    model: model.name,
    messages: [{ role: 'user' as const, content: 'Ada is 36 and writes Python in London. Who is she?' }],
    max_tokens: 120,
    temperature: 0,
    response_format: zodResponseFormat(employee, 'employee'),
  };

  it('parses an answer', async () => {
    const { choices } = await server.client.chat.completions.parse(request);

    expect(choices[0]?.message.parsed).toEqual(employee.parse(JSON.parse(choices[0]?.message.content ?? '')));
    expect(choices[0]?.finish_reason).toBe('stop');
  });

  it('parses a stream to the same object', async () => {
    const whole = await server.client.chat.completions.parse(request);
    const streamed = await server.client.chat.completions.stream(request).finalChatCompletion();

    expect(streamed.choices[0]?.message.parsed).toEqual(whole.choices[0]?.message.parsed);
  });

  it('throws when max_tokens cut the answer', async () => {
    await expect(server.client.chat.completions.parse({ ...request, max_tokens: 4 })).rejects.toThrow(
      /length/,
    );
  });

  it('continues the conversation with the parsed message', async () => {
    const { choices } = await server.client.chat.completions.parse(request);
    const answer = choices[0]?.message;
    if (answer === undefined) throw new Error('The response has no message.');
    const messages = [...request.messages, answer, { role: 'user' as const, content: 'And another one?' }];

    const { choices: next } = await server.client.chat.completions.parse({ ...request, messages });
    expect(employee.safeParse(next[0]?.message.parsed)).toMatchObject({ success: true });
  });
});
