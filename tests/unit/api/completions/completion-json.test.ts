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

  it('ends all choices when one does not match', async () => {
    const engine = new FakeEngine(['no', '{"city": "Paris"}'], { slots: 2 });

    await expect(askWhole({ ...request, n: 2 }, engine)).rejects.toMatchObject({ code: 'invalid_output' });
    expect(engine.open).toBe(0);
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
    [{ type: 'string', pattern: '(a)\\1' }, /'pattern'/],
    [false, /json_schema/],
    [{ $ref: 'https://example.com/schema' }, /'\$ref'/],
  ])('is rejected when no grammar can express the schema: %j', async (json_schema, message) => {
    const engine = new FakeEngine();

    await expect(askWhole({ prompt: 'Hi', json_schema }, engine)).rejects.toMatchObject({
      code: 'unsupported_schema',
      param: 'json_schema',
      status: 400,
      message: expect.stringMatching(message),
    });
    expect(engine.requests).toEqual([]);
  });

  it('is rejected when it also has a grammar', async () => {
    await expect(askWhole({ ...request, grammar: 'root ::= "a"' }, new FakeEngine())).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'json_schema',
    });
  });
});
