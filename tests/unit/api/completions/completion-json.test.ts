import { describe, expect, it } from 'vitest';
import { FakeEngine } from '../../fake-engine.ts';
import { askStreamed, askWhole } from '../fake-service.ts';

const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const request = { prompt: 'Where?', json_schema: schema, max_tokens: 40 };

describe('a completion with a json_schema', () => {
  it('is constrained by a grammar', async () => {
    const engine = new FakeEngine('{"city": "Paris"}');
    const { choices } = await askWhole(request, engine);

    expect(choices[0]?.text).toBe('{"city": "Paris"}');
    expect(engine.requests[0]?.grammar).toEqual({ gbnf: expect.stringMatching(/^root ::= .*"city/s) });
  });

  it.each(['{"city": 7}', '{"city": "Paris"', 'Paris'])(
    'is an error when the generated text does not match: %s',
    async (text) => {
      const failure = {
        code: 'invalid_output',
        status: 500,
        message: expect.stringMatching(/^((?!Paris).)*$/),
      };

      await expect(askWhole(request, new FakeEngine(text))).rejects.toMatchObject(failure);
      await expect(askStreamed(request, new FakeEngine(text))).rejects.toMatchObject(failure);
    },
  );

  it('is generated again with another seed when the text does not match, at most twice', async () => {
    const engine = new FakeEngine(['no', '{"city": 7}', '{"city": "Paris"}']);
    const { choices } = await askWhole({ ...request, seed: 5 }, engine);

    expect(choices[0]?.text).toBe('{"city": "Paris"}');
    expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([5, 6, 7]);

    const failing = new FakeEngine('no');
    await expect(askWhole(request, failing)).rejects.toMatchObject({ code: 'invalid_output' });
    expect(failing.requests).toHaveLength(3);
  });

  it('is generated again with a temperature when the likeliest tokens do not match', async () => {
    const engine = new FakeEngine(['no', '{"city": "Paris"}']);
    await askWhole({ ...request, temperature: 0 }, engine);

    expect(engine.requests.map(({ sampling }) => sampling)).toMatchObject([
      { temperature: 0 },
      { temperature: 0.7, seed: 1 },
    ]);
  });

  it('is generated again alone when the other choices match', async () => {
    const engine = new FakeEngine(['{"city": "Bern"}', 'no', '{"city": "Paris"}'], { slots: 2 });
    const { choices } = await askWhole({ ...request, n: 2 }, engine);

    expect(choices.map(({ text }) => text)).toEqual(['{"city": "Bern"}', '{"city": "Paris"}']);
    expect(engine.open).toBe(0);
  });

  it('is not generated again when the deadline is too near', async () => {
    const engine = new FakeEngine(['no', '{"city": "Paris"}']);
    const context = { endBy: performance.now() - 1 };

    await expect(askWhole(request, engine, context)).rejects.toMatchObject({ code: 'invalid_output' });
    expect(engine.requests).toHaveLength(1);
  });

  it.each<[string, object, string, string]>([
    [
      'schema',
      { json_schema: { type: 'string', pattern: '^(?=(a|aa)+c)a{60}$' } },
      `"${'a'.repeat(60)}"`,
      'json_schema',
    ],
    ['pattern', { guided_regex: '(?=(a|aa)+c)a{60}' }, 'a'.repeat(60), 'guided_regex'],
  ])('ends the request when the check by a %s takes too long', async (_, fields, text, param) => {
    const body = { prompt: 'Hi', max_tokens: 80, n: 8, ...fields };
    const failure = {
      code: 'unsupported_schema',
      status: 400,
      param,
      message: expect.stringContaining('takes longer than 250 ms to check a text'),
    };
    for (const ask of [askWhole, askStreamed]) {
      const engine = new FakeEngine(text, { contextSize: 128 });

      await expect(ask(body, engine)).rejects.toMatchObject(failure);
      expect(engine.requests).toHaveLength(1);
      expect(engine.open).toBe(0);
    }
  });

  it('is not generated again in a stream, which ends with the error', async () => {
    const engine = new FakeEngine(['no', '{"city": "Paris"}']);

    await expect(askStreamed(request, engine)).rejects.toMatchObject({ code: 'invalid_output' });
    expect(engine.requests).toHaveLength(1);
  });

  it('returns partial JSON when max_tokens cut it', async () => {
    const { choices } = await askWhole({ ...request, max_tokens: 6 }, new FakeEngine('{"city": "Paris"}'));

    expect(choices[0]).toMatchObject({ text: '{"city', finish_reason: 'length' });
  });

  it('returns partial JSON when a stop string cut it', async () => {
    const { choices } = await askWhole({ ...request, stop: ['}'] }, new FakeEngine('{"city": "Paris"}'));

    expect(choices[0]).toMatchObject({ text: '{"city": "Paris"', finish_reason: 'stop' });
  });

  it.each([
    [{ type: 'string', pattern: '(' }, /'pattern'/],
    [false, /json_schema/],
    [{ $ref: 'https://example.com/schema' }, /'\$ref'/],
  ])('is rejected when the schema is malformed or no value matches it: %j', async (json_schema, message) => {
    const engine = new FakeEngine();

    await expect(askWhole({ prompt: 'Hi', json_schema }, engine)).rejects.toMatchObject({
      code: 'unsupported_schema',
      param: 'json_schema',
      status: 400,
      message: expect.stringMatching(message),
    });
    expect(engine.requests).toEqual([]);
  });
});

describe('a constraint of the text', () => {
  const city = { city: 'Paris' };
  const json = JSON.stringify(city);

  it.each<[object, string, string]>([
    [{ guided_json: schema }, json, 'city'],
    [{ guided_json: JSON.stringify(schema) }, json, 'city'],
    [{ structured_outputs: { json: schema } }, json, 'city'],
    [{ structured_outputs: { json_object: true } }, json, 'object'],
    [{ response_format: { type: 'json_object', schema } }, json, 'city'],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } }, json, 'city'],
    [{ response_format: { type: 'json_object' } }, json, 'object'],
    [{ guided_regex: 'a{2,3}|b' }, 'aa', 'a'],
    [{ structured_outputs: { regex: 'a{2,3}|b' } }, 'aa', 'a'],
    [{ guided_regex: '^(yes|no)$' }, 'yes', '[y] [e] [s] | [n] [o]'],
    [{ structured_outputs: { regex: '^(yes|no)$' } }, 'no', '[y] [e] [s] | [n] [o]'],
    [{ guided_choice: ['yes', 'no'] }, 'no', 'yes'],
    [{ structured_outputs: { choice: ['yes', 'no'] } }, 'no', 'yes'],
    [{ guided_grammar: 'root ::= "own"' }, 'own', 'own'],
    [{ structured_outputs: { grammar: 'root ::= "own"' } }, 'own', 'own'],
  ])('becomes a grammar: %j', async (fields, text, rule) => {
    const engine = new FakeEngine(text);
    const { choices } = await askWhole({ prompt: 'Hi', max_tokens: 40, ...fields }, engine);

    expect(choices[0]?.text).toBe(text);
    expect(engine.requests[0]?.grammar?.gbnf).toContain(rule);
  });

  it.each<[object, string]>([
    [{ guided_json: schema }, '{}'],
    [{ response_format: { type: 'json_object', schema } }, '{}'],
    [{ response_format: { type: 'json_object' } }, '[]'],
    [{ guided_regex: '(?=a)..' }, 'ba'],
    [{ guided_regex: 'a' }, 'ba'],
  ])('is checked when the text ends: %j', async (fields, text) => {
    const body = { prompt: 'Hi', max_tokens: 40, ...fields };

    await expect(askWhole(body, new FakeEngine(text))).rejects.toMatchObject({ code: 'invalid_output' });
  });

  it.each<[object, string, string]>([
    [{ json_schema: schema, grammar: 'root ::= "a"' }, 'grammar', 'cannot be used together'],
    [{ guided_regex: 'a', guided_choice: ['a'] }, 'guided_choice', 'cannot be used together'],
    [{ guided_regex: '(' }, 'guided_regex', 'a regular expression'],
    [{ guided_json: '{' }, 'guided_json', 'or its text'],
  ])('is rejected: %j', async (fields, param, says) => {
    await expect(askWhole({ prompt: 'Hi', ...fields }, new FakeEngine())).rejects.toMatchObject({
      status: 400,
      param,
      message: expect.stringContaining(says),
    });
  });
});
