// Requests as Open WebUI and Home Assistant send them to Ollama, written anew from what their code does.
import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { FakeEmbedder } from '../fake-embedder.ts';
import { ask } from './ask.ts';

const engine = (text = 'Hello.') => new FakeEngine(text, { contextSize: 2048 });

describe('Open WebUI', () => {
  it('finds the server and its model', async () => {
    const version: string = (await ask('/api/version')).json().version;
    const { models } = (await ask('/api/tags')).json();

    // It compares the numbers of versions, and looks models up by the name with a tag.
    expect(version.split('.').map(Number)).toEqual([
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
    ]);
    expect(models).toMatchObject([{ model: 'fake-1b:latest', name: 'fake-1b:latest', size: 2048 }]);
    expect((await ask('/api/ps')).json().models).toMatchObject([{ name: 'fake-1b:latest' }]);
    expect((await ask('/api/show', { model: 'fake-1b:latest' })).status).toBe(200);
  });

  it('chats in a stream', async () => {
    const { status, headers, lines } = await ask(
      '/api/chat',
      {
        model: 'fake-1b:latest',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hi', images: [] },
          { role: 'assistant', content: 'Hello!' },
          { role: 'user', content: 'Again' },
        ],
        options: { temperature: 0.7, num_ctx: 8192, num_predict: 128, num_thread: 2, stop: ['END'] },
        keep_alive: '10m',
        stream: true,
      },
      { engine: engine() },
      { 'content-type': 'application/json', 'x-openwebui-user-name': 'Ada' },
    );

    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    expect(headers['x-ignored-fields']).toBe('options.num_ctx, options.num_thread');
    expect(
      lines()
        .map(({ message }) => message.content)
        .join(''),
    ).toBe('Hello.');
    expect(lines().at(-1)).toMatchObject({ done: true, eval_count: 6 });
  });

  it('makes a title, and unloads the model', async () => {
    const title = await ask(
      '/api/chat',
      {
        model: 'fake-1b:latest',
        messages: [{ role: 'user', content: 'Create a title as {"title": "..."}' }],
        stream: false,
        options: { num_predict: 1000 },
      },
      { engine: engine('{"title": "Hi"}') },
    );
    const unloaded = await ask('/api/generate', { model: 'fake-1b:latest', keep_alive: 0, prompt: '' });

    expect(JSON.parse(title.json().message.content)).toEqual({ title: 'Hi' });
    expect([unloaded.status, unloaded.json().done]).toEqual([200, true]);
  });

  it('embeds documents', async () => {
    const embedder = new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: false });
    const body = { input: ['one', 'two'], model: 'fake-1b:latest', truncate: true };

    expect((await ask('/api/embed', body, { embedder })).json().embeddings).toHaveLength(2);
  });
});

describe('Home Assistant', () => {
  const tools = [
    {
      type: 'function',
      function: {
        name: 'HassTurnOn',
        description: 'Turns on a device',
        parameters: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            domain: { type: 'array', items: { type: 'string' } },
          },
          required: [],
        },
      },
    },
  ];
  const call = '<tool_call>\n{"name": "HassTurnOn", "arguments": {"name": "lamp"}}\n</tool_call>';
  const settings = {
    model: 'fake-1b:latest',
    stream: true,
    keep_alive: '-1s',
    options: { num_ctx: 8192 },
    think: false,
  };
  const messages = [
    { role: 'system', content: 'You control a home.' },
    { role: 'user', content: 'Turn on the lamp', images: null },
  ];

  it('gets a call whole, runs it, and gets an answer', async () => {
    const service = {
      engine: new FakeEngine([call, 'The lamp is on.'], { contextSize: 2048 }),
      chatTemplate: templates.withTools,
    };
    const first = (await ask('/api/chat', { ...settings, messages, tools }, service)).lines();
    const [made] = first.flatMap(({ message }) => message.tool_calls ?? []);
    const history = [
      ...messages,
      { role: 'assistant', content: '', tool_calls: [{ function: made.function }], thinking: null },
      { role: 'tool', content: '{"success": true}', tool_name: 'HassTurnOn' },
    ];
    const second = (await ask('/api/chat', { ...settings, messages: history, tools }, service)).lines();

    expect(made.function).toMatchObject({ name: 'HassTurnOn', arguments: { name: 'lamp' } });
    expect(first.at(-1)).toMatchObject({ done: true, done_reason: 'stop' });
    expect(second.map(({ message }) => message.content).join('')).toBe('The lamp is on.');
  });

  it('generates data of a structure', async () => {
    const format = {
      type: 'object',
      properties: { name: { type: 'string', description: 'A name' } },
      required: ['name'],
    };
    const { lines } = await ask(
      '/api/chat',
      { ...settings, messages, format },
      { engine: engine('{"name": "Ada"}') },
    );

    expect(
      JSON.parse(
        lines()
          .map(({ message }) => message.content)
          .join(''),
      ),
    ).toEqual({ name: 'Ada' });
  });
});
