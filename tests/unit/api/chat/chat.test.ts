import { describe, expect, it, vi } from 'vitest';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { chatStreamed, chatWhole } from '../fake-service.ts';
import { joinChunks } from '../joined-chunks.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const chatTemplate = templates.chatMl;
const prompt = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n';

describe('a chat', () => {
  it('lets others be answered between its body and its prompt', async () => {
    const render = vi.spyOn(chatTemplate, 'render');
    const rendered = new Promise((resolve) => setImmediate(() => resolve(render.mock.calls.length)));
    const answer = chatWhole({ messages }, { engine: new FakeEngine(' Hello.'), chatTemplate });

    expect(await rendered).toBe(0);
    await answer;
    expect(render).toHaveBeenCalledOnce();
    render.mockRestore();
  });

  it("is answered with OpenAI's object and llama-server's timings", async () => {
    const engine = new FakeEngine(' Hello.');

    expect(await chatWhole({ messages }, { engine, chatTemplate })).toEqual({
      id: 'chatcmpl-a1-b2',
      object: 'chat.completion',
      created: 1795521600,
      model: 'fake-1b',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: ' Hello.', refusal: null, annotations: [] },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
      usage: {
        prompt_tokens: prompt.length,
        completion_tokens: 7,
        total_tokens: prompt.length + 7,
        prompt_tokens_details: { cached_tokens: 3 },
      },
      timings: expect.objectContaining({ predicted_n: 7 }),
    });
    expect(engine.requests[0]).toMatchObject({
      prompt: engine.tokenize(prompt),
      maxTokens: 64 - prompt.length,
    });
    expect(engine.requests[0]).not.toHaveProperty('grammar');
  });

  it('is streamed as a role, texts and an end for each choice, then the usage', async () => {
    const engine = new FakeEngine(['ab', 'c'], { slots: 2 });
    const body = { messages, n: 2, stream_options: { include_usage: true } };
    const chunks = await chatStreamed(body, { engine, chatTemplate });

    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { role: 'assistant', content: '' },
      { content: 'a' },
      { content: 'c' },
      { content: 'b' },
      {},
      {},
      undefined,
    ]);
    expect(joinChunks(chunks)).toMatchObject([
      { index: 0, message: { content: 'ab' }, finish_reason: 'stop' },
      { index: 1, message: { content: 'c' }, finish_reason: 'stop' },
    ]);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: prompt.length, completion_tokens: 3 });
    expect(chunks.filter(({ timings }) => timings !== undefined)).toHaveLength(2);
    expect(new Set(chunks.map(({ object, id }) => `${object} ${id}`))).toEqual(
      new Set(['chat.completion.chunk chatcmpl-a1-b2']),
    );
  });

  it.each([
    [{ max_tokens: 2 }, ' H'],
    [{ max_completion_tokens: 2 }, ' H'],
    [{ stop: 'l' }, ' He'],
  ])('ends as set by %j', async (fields, content) => {
    const { choices } = await chatWhole(
      { messages, ...fields },
      { engine: new FakeEngine(' Hello.'), chatTemplate },
    );

    expect(choices[0]).toMatchObject({
      message: { content },
      ...('stop' in fields ? { finish_reason: 'stop', stop_reason: 'l' } : { finish_reason: 'length' }),
    });
  });

  it('returns log-probabilities as objects with bytes', async () => {
    const engine = () => new FakeEngine([[0x50, ...toByteTokens('é')]]);
    const body = { messages, logprobs: true, top_logprobs: 2, return_tokens: true };
    const { choices } = await chatWhole(body, { engine: engine(), chatTemplate });
    const [streamed] = joinChunks(await chatStreamed(body, { engine: engine(), chatTemplate }));
    const a = (logprob: number) => ({ token: 'a', logprob, bytes: [97] });
    const entry = (token: string, bytes: number[]) => ({
      token,
      bytes,
      logprob: -0.5,
      top_logprobs: [{ token, bytes, logprob: -0.5 }, a(-1.5)],
    });

    expect(choices[0]?.message.content).toBe('Pé');
    expect(choices[0]?.logprobs).toEqual({
      content: [entry('P', [0x50]), entry('bytes:\\xc3', [0xc3]), entry('bytes:\\xa9', [0xa9])],
      refusal: null,
    });
    expect(choices[0]?.tokens).toEqual([0x50, ...toByteTokens('é')]);
    expect(streamed).toMatchObject({ logprobs: choices[0]?.logprobs, tokens: choices[0]?.tokens });
  });

  it.each([
    [{ logprobs: true }, 0, 0],
    [{ logprobs: true, top_logprobs: 20 }, 20, 20],
  ])('returns as many alternatives to each token as %j asks for', async (fields, requested, returned) => {
    const engine = new FakeEngine('P');
    const { choices } = await chatWhole({ messages, ...fields }, { engine, chatTemplate });

    expect(engine.requests[0]?.logprobs).toBe(requested);
    expect(choices[0]?.logprobs?.content[0]?.top_logprobs).toHaveLength(returned);
  });

  it('has the timings in every chunk with timings_per_token', async () => {
    const chunks = await chatStreamed(
      { messages, timings_per_token: true },
      { engine: new FakeEngine('ab'), chatTemplate },
    );

    expect(chunks.map(({ timings }) => timings?.predicted_n)).toEqual([undefined, 1, 2, 2]);
  });

  it('reports that the deadline ended it', async () => {
    const engine = new FakeEngine('Par', { summary: { finishReason: 'length', deadline: true } });
    const { choices, timings } = await chatWhole({ messages }, { engine, chatTemplate });

    expect(choices[0]?.finish_reason).toBe('length');
    expect(timings.deadline).toBe(true);
  });
});

describe('a chat is rejected', () => {
  it.each([
    [
      'when its messages do not fit the context',
      { messages: [{ role: 'user', content: 'a'.repeat(64) }] },
      'context_length_exceeded',
      'messages',
    ],
    [
      'before tokenization when its messages are far too long',
      { messages: [{ role: 'user', content: 'a'.repeat(20_000) }] },
      'context_length_exceeded',
      'messages',
    ],
  ])('%s', async (_, body, code, param) => {
    const engine = new FakeEngine();

    await expect(chatWhole(body, { engine, chatTemplate })).rejects.toMatchObject({ code, param });
    await expect(chatStreamed(body, { engine, chatTemplate })).rejects.toMatchObject({ code, param });
    expect(engine.requests).toEqual([]);
  });

  it('when the model has no chat template', async () => {
    await expect(chatWhole({ messages }, { engine: new FakeEngine() })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages',
    });
  });

  it('when its client has disconnected', async () => {
    const engine = new FakeEngine();
    const reason = new Error('disconnected');
    const context = { signal: AbortSignal.abort(reason) };

    await expect(chatWhole({ messages, n: 2 }, { engine, chatTemplate }, context)).rejects.toBe(reason);
    await expect(chatStreamed({ messages, n: 2 }, { engine, chatTemplate }, context)).rejects.toBe(reason);
    expect(engine.open).toBe(0);
  });
});

describe('a model that does not think', () => {
  it.each([
    ['none', undefined],
    ['low', 'reasoning_effort'],
    ['default', 'reasoning_effort'],
  ])("answers with the reasoning_effort '%s', and ignores %s", async (effort, ignored) => {
    const engine = new FakeEngine();
    const foreignFields = new ForeignFields();
    await chatWhole({ messages, reasoning_effort: effort }, { engine, chatTemplate }, { foreignFields });

    expect(engine.requests).toHaveLength(1);
    expect(foreignFields.ignored).toBe(ignored);
  });

  it('rejects an effort under the strict rule', async () => {
    const foreignFields = new ForeignFields({ strict: true });
    const engine = new FakeEngine();

    await expect(
      chatWhole({ messages, reasoning_effort: 'low' }, { engine, chatTemplate }, { foreignFields }),
    ).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'reasoning_effort' });
  });
});

describe('a model that thinks', () => {
  const answer = '<think>\nHm.\n</think>\n\nHello.';
  const thinking = templates.thinking;
  const engineOf = (text: string) => new FakeEngine(text, { contextSize: 500 });

  it('returns its thoughts apart from the content, counted, whole or streamed', async () => {
    const whole = await chatWhole({ messages }, { engine: engineOf(answer), chatTemplate: thinking });
    const chunks = await chatStreamed({ messages }, { engine: engineOf(answer), chatTemplate: thinking });

    expect(whole.choices[0]?.message).toMatchObject({ content: 'Hello.', reasoning_content: 'Hm.' });
    // From the last token of `<think>` to the last token of `</think>`.
    expect(whole.usage.completion_tokens_details).toEqual({
      reasoning_tokens: '>\nHm.\n</think>'.length,
    });
    expect(joinChunks(chunks)[0]).toMatchObject({
      message: { content: 'Hello.', reasoning_content: 'Hm.' },
      finish_reason: 'stop',
    });
  });

  it('has no reasoning_content without thoughts', async () => {
    const { choices, usage } = await chatWhole(
      { messages },
      { engine: engineOf('Hello.'), chatTemplate: thinking },
    );

    expect(choices[0]?.message).toEqual({
      role: 'assistant',
      content: 'Hello.',
      refusal: null,
      annotations: [],
    });
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: 0 });
  });

  it.each([
    [{}, '[user]Hi[assistant]'],
    [{ reasoning_effort: 'high' }, '[user]Hi[assistant]'],
    [{ reasoning_effort: 'none' }, '[user]Hi[assistant]<think>\n\n</think>\n\n'],
    [{ reasoning_effort: 'minimal' }, '[user]Hi[assistant]<think>\n\n</think>\n\n'],
    [{ chat_template_kwargs: { enable_thinking: false } }, '[user]Hi[assistant]<think>\n\n</think>\n\n'],
  ])('is prompted to think or not by %j', async (fields, expected) => {
    const engine = engineOf('Hello.');
    const { choices } = await chatWhole({ messages, ...fields }, { engine, chatTemplate: thinking });

    expect(engine.detokenize(engine.requests[0]?.prompt ?? [])).toBe(expected);
    expect(choices[0]?.message.content).toBe('Hello.');
  });

  it.each([{}, { reasoning_effort: 'none' }])(
    'starts with thoughts when its template always does: %j',
    async (fields) => {
      const text = 'Hm.\n</think>\n\nHello.';
      const service = { engine: engineOf(text), chatTemplate: templates.alwaysThinking };
      const { choices } = await chatWhole({ messages, ...fields }, service);

      expect(choices[0]?.message).toMatchObject({ content: 'Hello.', reasoning_content: 'Hm.' });
    },
  );

  it.each([
    [{ thinking_budget_tokens: 8 }, 8],
    [{ thinking_budget_tokens: 0 }, 0],
    [{ reasoning_budget_tokens: 8 }, 8],
    [{ thinking_token_budget: 8 }, 8],
    [{ thinking_budget_tokens: -1 }, undefined],
    [{}, undefined],
  ])('thinks for so many tokens by %j', async (fields, tokens) => {
    const engine = engineOf(answer);
    await chatWhole({ messages, ...fields }, { engine, chatTemplate: thinking });
    const limit = engine.requests[0]?.thoughtLimit;

    expect(limit?.tokens).toBe(tokens);
    if (limit) {
      expect(limit.marks).toMatchObject({ start: '<think>', ends: ['</think>'], hasStarted: false });
      expect(engine.detokenize(limit.end)).toBe('</think>');
    }
  });

  it.each(['thinking_budget_tokens', 'reasoning_budget_tokens', 'thinking_token_budget'])(
    'says that %s is not used by a model that does not think',
    async (name) => {
      const engine = engineOf('Hello.');
      const foreignFields = new ForeignFields();
      const body = { messages, [name]: 8 };
      await chatWhole(body, { engine, chatTemplate: templates.chatMl }, { foreignFields });

      expect(engine.requests[0]).not.toHaveProperty('thoughtLimit');
      expect(foreignFields.ignored).toBe(name);
    },
  );

  it('does not think when the request has a grammar', async () => {
    const service = { engine: engineOf('yes'), chatTemplate: templates.alwaysThinking };
    const { choices } = await chatWhole({ messages, grammar: 'root ::= "yes" | "no"' }, service);

    expect(choices[0]?.message).toMatchObject({ content: 'yes' });
    expect(choices[0]?.message).not.toHaveProperty('reasoning_content');
  });

  it('has no content when max_tokens ends its thoughts', async () => {
    const { choices } = await chatWhole(
      { messages, max_tokens: 12 },
      { engine: engineOf(answer), chatTemplate: thinking },
    );

    expect(choices[0]).toMatchObject({
      message: { content: '', reasoning_content: 'Hm.' },
      finish_reason: 'length',
    });
  });

  it('may think before JSON', async () => {
    const engine = engineOf('<think>Hm.</think>{"a": 1}');
    const body = { messages, response_format: { type: 'json_object' } };
    const { choices } = await chatWhole(body, { engine, chatTemplate: thinking });

    expect(choices[0]?.message).toMatchObject({ content: '{"a": 1}', reasoning_content: 'Hm.' });
    expect(engine.requests[0]?.grammar?.gbnf).toContain('<think>');
  });
});

describe('a response_format', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  };
  const withSchema = (jsonSchema: object = schema) => ({
    messages,
    response_format: { type: 'json_schema', json_schema: { name: 'place', schema: jsonSchema } },
    max_tokens: 30,
  });
  const engineOf = (text: string) => new FakeEngine(text, { contextSize: 500 });

  it.each([
    ['json_schema', withSchema(), '{"city": "Paris"}', /city/],
    ['json_object', { messages, response_format: { type: 'json_object' } }, '{"a": [1]}', /object/],
    [
      'json_schema without a schema',
      { messages, response_format: { type: 'json_schema', json_schema: { name: 'any' } } },
      '{"a": [1]}',
      /object/,
    ],
  ])('%s constrains the text by a grammar', async (_, body, text, grammar) => {
    const engine = engineOf(text);
    const { choices } = await chatWhole(body, { engine, chatTemplate });

    expect(choices[0]).toMatchObject({ message: { content: text }, finish_reason: 'stop' });
    expect(engine.requests[0]?.grammar).toEqual({ gbnf: expect.stringMatching(grammar) });
  });

  it('text has no grammar', async () => {
    const engine = engineOf('Hello.');
    await chatWhole({ messages, response_format: { type: 'text' } }, { engine, chatTemplate });

    expect(engine.requests[0]).not.toHaveProperty('grammar');
  });

  it.each([
    [withSchema(), '{"city": 7}'],
    [withSchema(), '{"city": "Par'],
    [{ messages, response_format: { type: 'json_object' } }, '[1]'],
  ])('that the text of the model does not match is an error: %j', async (body, text) => {
    const failure = { code: 'invalid_output', status: 500 };

    await expect(chatWhole(body, { engine: engineOf(text), chatTemplate })).rejects.toMatchObject(failure);
    await expect(chatStreamed(body, { engine: engineOf(text), chatTemplate })).rejects.toMatchObject(failure);
  });

  it('does not reject JSON that max_tokens cut', async () => {
    const { choices } = await chatWhole(
      { ...withSchema(), max_tokens: 5 },
      { engine: engineOf('{"city": "Paris"}'), chatTemplate },
    );

    expect(choices[0]).toMatchObject({ message: { content: '{"cit' }, finish_reason: 'length' });
  });

  it('with a schema that no value matches is rejected', async () => {
    const body = withSchema({ type: 'object', properties: { a: { enum: [] } }, required: ['a'] });

    await expect(chatWhole(body, { engine: engineOf(''), chatTemplate })).rejects.toMatchObject({
      code: 'unsupported_schema',
      param: 'response_format',
      message: expect.stringContaining("'enum' at '#/properties/a'"),
    });
  });
});

describe('a constraint that is not JSON', () => {
  it('constrains the text from its first token', async () => {
    const engine = new FakeEngine('yes', { contextSize: 3000 });
    const { choices } = await chatWhole({ messages, guided_choice: ['yes', 'no'] }, { engine, chatTemplate });

    expect(choices[0]?.message.content).toBe('yes');
    expect(engine.requests[0]?.grammar?.gbnf).toContain('"yes" | "no"');
  });

  it.each<[object, string]>([
    [{ grammar: 'root ::= "a"', response_format: { type: 'json_object' } }, 'grammar'],
    [{ grammar: 'root ::= "a"', tools: [{ type: 'function', function: { name: 'a' } }] }, 'grammar'],
  ])('is rejected with another one: %j', async (fields, param) => {
    const service = { engine: new FakeEngine(''), chatTemplate };

    await expect(chatWhole({ messages, ...fields }, service)).rejects.toMatchObject({ status: 400, param });
  });
});
