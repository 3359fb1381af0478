import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model } from '../fake-service.ts';
import { ask, createdAt } from './ask.ts';

const messages = [{ role: 'user', content: 'Hi' }];

/** The characters of these messages in the template. */
const promptTokens = 52;

const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const called = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>';

/** The text of the prompt that the engine got. */
const promptOf = (engine: FakeEngine) => engine.detokenize(engine.requests[0]?.prompt ?? []);

describe('POST /api/chat', () => {
  it('streams lines of JSON by default, and ends with the reason and the cost', async () => {
    const { status, headers, lines } = await ask(
      '/api/chat',
      { model, messages },
      { engine: new FakeEngine('é!') },
    );

    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/x-ndjson');
    expect(lines()).toEqual([
      {
        model: 'fake-1b:latest',
        created_at: createdAt,
        message: { role: 'assistant', content: 'é' },
        done: false,
      },
      {
        model: 'fake-1b:latest',
        created_at: createdAt,
        message: { role: 'assistant', content: '!' },
        done: false,
      },
      {
        model: 'fake-1b:latest',
        created_at: createdAt,
        message: { role: 'assistant', content: '' },
        done: true,
        done_reason: 'stop',
        total_duration: 50_000_000,
        load_duration: 0,
        prompt_eval_count: promptTokens,
        prompt_eval_duration: 20_000_000,
        eval_count: 2,
        eval_duration: 30_000_000,
      },
    ]);
  });

  it('answers with one object when stream is false', async () => {
    const { headers, json } = await ask('/api/chat', {
      messages,
      stream: false,
      options: { num_predict: 3 },
    });

    expect(headers['content-type']).toBe('application/json');
    expect(json()).toMatchObject({
      message: { role: 'assistant', content: ' Pa' },
      done: true,
      done_reason: 'length',
      eval_count: 3,
    });
  });

  it.each([{}, { messages: [] }, { messages: null, keep_alive: 0 }])(
    'loads the model for %j, without a generation',
    async (body) => {
      const engine = new FakeEngine();
      const { headers, json } = await ask('/api/chat', body, { engine });

      expect(headers['content-type']).toBe('application/json');
      expect(json()).toEqual({
        model: 'fake-1b:latest',
        created_at: createdAt,
        message: { role: 'assistant', content: '' },
        done: true,
        done_reason: 'load',
      });
      expect(engine.requests).toEqual([]);
    },
  );

  it("has Ollama's defaults for sampling", async () => {
    const engine = new FakeEngine();
    await ask('/api/chat', { messages, stream: false }, { engine });
    await ask('/api/chat', { messages, stream: false, options: { temperature: null, seed: -1 } }, { engine });

    for (const { sampling, maxTokens } of engine.requests) {
      expect(sampling).toMatchObject({ temperature: 0.8, topK: 40, topP: 0.9, repeatPenalty: 1, seed: 7 });
      expect(maxTokens).toBe(64 - promptTokens);
    }
  });

  it("takes the advice of the model's makers before Ollama's defaults", async () => {
    const service = {
      engine: new FakeEngine(),
      samplingDefaults: { temperature: 0.6, top_k: 20, min_p: 0.1 },
    };
    await ask('/api/chat', { messages, stream: false, options: { top_k: 5 } }, service);
    await ask('/api/generate', { prompt: 'Hi', raw: true, stream: false, options: { top_k: 5 } }, service);

    for (const { sampling } of service.engine.requests)
      expect(sampling).toMatchObject({ temperature: 0.6, topK: 5, topP: 0.9, minP: 0.1 });
    expect(service.engine.requests).toHaveLength(2);
  });

  it('applies its options, and tells the ones that change nothing here', async () => {
    const engine = new FakeEngine();
    const options = {
      num_predict: 5,
      temperature: 0,
      top_k: 3,
      top_p: 0.5,
      min_p: 0.1,
      typical_p: 0.9,
      repeat_penalty: 1.2,
      repeat_last_n: 7,
      presence_penalty: 0.3,
      frequency_penalty: 0.4,
      seed: 9,
      stop: ['x', 'y'],
      mirostat: 2,
      mirostat_tau: 4,
      mirostat_eta: 0.2,
      num_ctx: 4096,
      num_gpu: 1,
      num_keep: 0,
    };
    const { headers } = await ask(
      '/api/chat',
      { messages, options, keep_alive: '5m', truncate: true },
      { engine },
    );

    expect(headers['x-ignored-fields']?.split(', ').sort()).toEqual([
      'options.num_ctx',
      'options.num_gpu',
      'options.num_keep',
      'truncate',
    ]);
    expect(engine.requests[0]).toMatchObject({
      maxTokens: 5,
      stop: ['x', 'y'],
      sampling: {
        temperature: 0,
        topK: 3,
        topP: 0.5,
        minP: 0.1,
        typicalP: 0.9,
        repeatPenalty: 1.2,
        repeatLastTokens: 7,
        presencePenalty: 0.3,
        frequencyPenalty: 0.4,
        seed: 9,
        mirostat: { version: 2, tau: 4, eta: 0.2 },
      },
    });
  });

  it.each([-2, -1, 0])('generates as many tokens as fit for num_predict %i', async (limit) => {
    const engine = new FakeEngine();
    await ask('/api/chat', { messages, options: { num_predict: limit } }, { engine });

    expect(engine.requests[0]?.maxTokens).toBe(64 - promptTokens);
  });

  it.each(['json', { type: 'object', properties: { city: { const: 'Rome' } }, required: ['city'] }])(
    'follows the format %j',
    async (format) => {
      const engine = new FakeEngine('{"city": "Rome"}', { contextSize: 256 });
      const { json } = await ask('/api/chat', { messages, format, stream: false }, { engine });

      expect(json().message.content).toBe('{"city": "Rome"}');
      expect(engine.requests[0]?.grammar?.gbnf).toContain(format === 'json' ? 'object' : 'Rome');
    },
  );

  it('answers with calls whose arguments are objects', async () => {
    const engine = new FakeEngine(called, { contextSize: 2048 });
    const body = { messages, tools: [weather], options: { num_predict: 200 } };
    const streamed = (await ask('/api/chat', body, { engine, chatTemplate: templates.withTools })).lines();
    const { json } = await ask(
      '/api/chat',
      { ...body, stream: false },
      { engine, chatTemplate: templates.withTools },
    );
    const calls = [
      { id: expect.any(String), function: { index: 0, name: 'weather', arguments: { city: 'Rome' } } },
    ];

    expect(streamed).toMatchObject([
      { message: { content: '', tool_calls: calls }, done: false },
      { message: { content: '' }, done: true, done_reason: 'stop' },
    ]);
    expect(json()).toMatchObject({ message: { content: '', tool_calls: calls }, done_reason: 'stop' });
  });

  it('leaves out a call that was cut', async () => {
    const engine = new FakeEngine(called, { contextSize: 2048 });
    const body = { messages, tools: [weather], options: { num_predict: 60 }, stream: false };
    const { json } = await ask('/api/chat', body, { engine, chatTemplate: templates.withTools });

    expect(json()).toMatchObject({ message: { role: 'assistant', content: '' }, done_reason: 'length' });
    expect(json().message).not.toHaveProperty('tool_calls');
  });

  it('goes on with a last message of the assistant, as Ollama does', async () => {
    const engine = new FakeEngine(' Paris.');
    const begun = [...messages, { role: 'assistant', content: 'It is' }];
    const { json } = await ask(
      '/api/chat',
      { messages: begun, stream: false },
      { engine, chatTemplate: templates.chatMl },
    );

    expect(promptOf(engine).endsWith('assistant\nIt is')).toBe(true);
    expect(json()).toMatchObject({ message: { content: ' Paris.' } });
  });

  it('says by which of its fields the thoughts before a begun answer are turned off', async () => {
    const begun = [...messages, { role: 'assistant', content: 'It is' }];
    const { status, json } = await ask(
      '/api/chat',
      { messages: begun, think: true, stream: false },
      { engine: new FakeEngine('.'), chatTemplate: templates.opensThoughts },
    );

    expect({ status, error: json().error }).toEqual({
      status: 400,
      error: expect.stringContaining("Turn the thoughts off with 'think'"),
    });
  });

  it('takes calls and their results back', async () => {
    const engine = new FakeEngine('Sunny.', { contextSize: 2048 });
    const { status, headers } = await ask(
      '/api/chat',
      {
        messages: [
          { role: 'User', content: 'Weather?' },
          {
            role: 'assistant',
            content: '',
            tool_calls: [{ function: { index: 0, name: 'weather', arguments: { city: 'Rome' } } }],
          },
          { role: 'tool', content: 'sunny', tool_name: 'weather' },
        ],
        tools: [weather],
      },
      { engine, chatTemplate: templates.withTools },
    );

    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('x-ignored-fields');
    expect(promptOf(engine)).toContain(
      '[user]Weather?[assistant]<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>[tool]sunny[assistant]',
    );
  });

  describe('of a model that thinks', () => {
    const think = (body: object, engine: FakeEngine) =>
      ask('/api/chat', { messages, stream: false, ...body }, { engine, chatTemplate: templates.thinking });
    const thinker = () => new FakeEngine('<think>Hm.</think>Hello.', { contextSize: 2048 });

    it('returns the thoughts beside the answer', async () => {
      const { json } = await think({ think: 'high' }, thinker());
      const { lines } = await think({ think: true, stream: true }, thinker());
      const joined = lines().reduce(
        (sum, { message }) => [sum[0] + (message.thinking ?? ''), sum[1] + message.content],
        ['', ''],
      );

      expect(json()).toMatchObject({ message: { content: 'Hello.', thinking: 'Hm.' } });
      expect(joined).toEqual(['Hm.', 'Hello.']);
    });

    it('turns the thoughts off', async () => {
      const engine = new FakeEngine('Hello.', { contextSize: 2048 });
      const { json } = await think({ think: false }, engine);

      expect(promptOf(engine)).toContain('<think>\n\n</think>');
      expect(json().message).toEqual({ role: 'assistant', content: 'Hello.' });
    });

    it('takes earlier thoughts back', async () => {
      const engine = thinker();
      const history = [
        ...messages,
        { role: 'assistant', content: 'Yes?', thinking: 'They greet.' },
        ...messages,
      ];
      await think({ messages: history }, engine);

      expect(promptOf(engine)).toContain('<think>They greet.</think>Yes?');
    });
  });

  it('tells a model that does not think about `think`', async () => {
    const asked = await ask('/api/chat', { messages, think: true });
    const off = await ask('/api/chat', { messages, think: false });

    expect([asked.status, asked.headers['x-ignored-fields']]).toEqual([200, 'think']);
    expect(off.headers).not.toHaveProperty('x-ignored-fields');
  });

  it('returns log-probabilities', async () => {
    const body = { messages, logprobs: true, top_logprobs: 1, options: { num_predict: 1 } };
    const { lines } = await ask('/api/chat', body, { engine: new FakeEngine('a') });

    expect(lines()[0].logprobs).toEqual([
      {
        token: 'a',
        logprob: -0.5,
        bytes: [0x61],
        top_logprobs: [{ token: 'a', logprob: -0.5, bytes: [0x61] }],
      },
    ]);
  });

  it('has a note for an image where a chat has one, and refuses it elsewhere', async () => {
    const body = { messages: [{ role: 'user', content: 'What is it?', images: ['aGk='] }] };
    const engine = new FakeEngine('?', { contextSize: 2048 });
    const noted = await ask('/api/chat', body, { engine, imagePlaceholders: true });
    const refused = await ask('/api/chat', body);

    expect(noted.status).toBe(200);
    expect(promptOf(engine)).toMatch(/What is it\?\n\[An image was here/);
    expect([refused.status, refused.json()]).toEqual([
      400,
      { error: 'This model reads only text. Remove the image.' },
    ]);
  });

  it.each([
    [{ messages: [{ role: 'pirate', content: 'Hi' }] }, /messages\.0\.role/],
    [{ messages: 'Hi' }, /^'messages' must be a list/],
    [{ messages: Array(2049).fill(7) }, /^'messages' must be a list of at most 2048, not a list of 2049\.$/],
    [{ messages: [{ role: 'user', images: Array(2049).fill('a') }] }, /^'images' must be a list of at most/],
    [{ messages, options: { temperature: -1 } }, /^'options\.temperature' must be at least 0, not -1\.$/],
    [{ messages, options: { top_p: 'much' } }, /^'options\.top_p' must be a number/],
    [{ messages, options: { mirostat: 7 } }, /^'options\.mirostat' must be at most 2/],
    [{ messages, options: { num_predict: 1.5 } }, /^'options\.num_predict' must be a whole number/],
    [{ messages, format: 'xml' }, /^'format' must be/],
    [{ messages, format: { type: 'nothing' } }, /^The schema in 'format' cannot be used/],
    [{ messages, think: 'a bit' }, /^'think' must be/],
    [{ messages, stream: 'yes' }, /^'stream' must be a boolean/],
    [{ messages: [{ role: 'user', content: 'x'.repeat(99) }] }, /Shorten 'messages'/],
  ])("refuses %j in Ollama's form, by the client's names", async (body, message) => {
    const { status, json } = await ask('/api/chat', body);

    expect([status, json()]).toEqual([400, { error: expect.stringMatching(message) }]);
  });

  it('ends a stream that fails with a line that has the error', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => log.mockRestore());
    const engine = new FakeEngine('[', { contextSize: 2048 });
    const { status, lines } = await ask('/api/chat', { messages, format: 'json' }, { engine });

    expect(status).toBe(200);
    expect(lines().at(-1)).toEqual({ error: expect.stringContaining('The generated text is not valid') });
  });

  it('answers to its names with and without a tag under the strict rule', async () => {
    const statusOf = async (name: string) =>
      (
        await ask(
          '/api/chat',
          { model: name, messages },
          { strictModel: true, modelAliases: ['llama3.2:1b'] },
        )
      ).status;

    expect(
      await Promise.all([model, `${model}:latest`, 'llama3.2:1b', 'llama3.2', `${model}:1b`].map(statusOf)),
    ).toEqual([200, 200, 200, 404, 404]);
  });

  it('refuses foreign fields under the strict rule of a request', async () => {
    const strict = { 'x-strict-fields': 'true' };
    const refused = await ask('/api/chat', { messages, options: { num_ctx: 1 } }, {}, strict);
    const template = await ask('/api/chat', { messages, template: 'x' }, {}, strict);
    const accepted = await ask(
      '/api/chat',
      { messages, keep_alive: 5, think: false, options: {} },
      {},
      strict,
    );

    expect([refused.status, refused.json()]).toEqual([
      400,
      { error: "Unknown parameter 'options.num_ctx'." },
    ]);
    expect(template.json().error).toContain("the server always uses the model's template");
    expect(accepted.status).toBe(200);
  });
});

describe('JSON under another type', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it.each([form['content-type'], 'text/plain;charset=UTF-8'])('is answered as %s', async (type) => {
    expect((await ask('/api/chat', { messages }, {}, { 'content-type': type })).status).toBe(200);
  });

  it('is refused from a web page, which may send a form to any origin', async () => {
    const { status, json } = await ask(
      '/api/chat',
      { messages },
      {},
      { ...form, origin: 'https://evil.example' },
    );

    expect([status, json()]).toEqual([415, { error: expect.stringContaining('Unsupported content-type') }]);
  });
});
