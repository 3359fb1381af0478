// The conversations of the page: their requests, their settings, their file and their cost.
import { describe, expect, it } from 'vitest';
import {
  type Conversation,
  createConversation,
  exportConversations,
  importConversations,
  mergeConversations,
  toTitle,
} from '../../../playground/conversations.ts';
import { formatDollars, requestDollars } from '../../../playground/lambda-cost.ts';
import { findSystemPrompt, templateProbe } from '../../../playground/prefix-text.ts';
import { toRequest } from '../../../playground/request.ts';
import { listSettings, type OpenApi, parseSetting, withSetting } from '../../../playground/settings.ts';
import { chatRequestSchema } from '../../../src/api/chat/chat-request.ts';
import { post } from '../../../src/http/endpoint.ts';
import { toOpenApi } from '../../../src/http/openapi.ts';
import { openPaths } from '../../../src/http/routes.ts';

const chat: Conversation = {
  ...createConversation('1'),
  system: 'Be brief.',
  messages: [
    { role: 'user', content: 'Weather in\n  Paris?' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] },
    { role: 'tool', content: 'sunny', toolCallId: 'a' },
  ],
  settings: { temperature: 0 },
};
const options = { model: 'm', alternatives: 0 };

describe('a request', () => {
  it('has the system prompt, the history with its calls, and the settings', () => {
    const { path, body } = toRequest(chat, options);

    expect(path).toBe('/v1/chat/completions');
    expect(body).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Weather in\n  Paris?' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', content: 'sunny', tool_call_id: 'a' },
      ],
      temperature: 0,
    });
    expect(chatRequestSchema.parse(body)).toMatchObject({ temperature: 0 });
  });

  it('of a completion has the prompt alone', () => {
    const { path, body } = toRequest(
      { ...chat, mode: 'completion', tools: '[]' },
      { model: 'm', alternatives: 3 },
    );

    expect(path).toBe('/v1/completions');
    expect(body).toEqual({ model: 'm', prompt: 'Weather in\n  Paris?', temperature: 0, logprobs: 3 });
  });

  it('refuses a schema or tools that are not JSON, with their name', () => {
    expect(() => toRequest({ ...chat, schema: '{' }, options)).toThrow('The JSON schema is not JSON');
    expect(() => toRequest({ ...chat, tools: '[' }, options)).toThrow('The list of tools is not JSON');
  });
});

describe('conversations', () => {
  it('are imported as they were exported, and replace themselves', () => {
    const [imported] = importConversations(exportConversations([chat]));

    expect(imported).toEqual(chat);
    expect(mergeConversations([{ ...chat, system: 'old' }, createConversation('2')], [chat])).toEqual([
      chat,
      createConversation('2'),
    ]);
  });

  it.each(['', '[]', '{"version": 2, "conversations": []}', '{"version": 1, "conversations": [{}]}'])(
    'are not read from %j',
    (text) => {
      expect(() => importConversations(text)).toThrow('Choose a file that it exported.');
    },
  );

  it('are named by their first words', () => {
    expect(toTitle(chat)).toBe('Weather in Paris?');
    expect(toTitle(createConversation('2'))).toBe('New conversation');
  });
});

describe('settings', () => {
  it("have the meaning, the default and the limits of the server's own document", async () => {
    const path = '/v1/chat/completions';
    const routes = { [path]: post('Chats.', chatRequestSchema, () => ({})) };
    const groups = listSettings((await toOpenApi(routes, openPaths)) as OpenApi, path);
    const settings = groups.flatMap((group) => group.settings);

    expect(settings.find(({ name }) => name === 'top_p')).toMatchObject({
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: expect.stringContaining('likeliest tokens'),
    });
    expect(settings.find(({ name }) => name === 'ignore_eos')).toMatchObject({
      type: 'boolean',
      fallback: 'false',
    });
    expect(settings.find(({ name }) => name === 'seed')).not.toHaveProperty('minimum');
    expect(settings.find(({ name }) => name === 'stop')).toMatchObject({ type: 'json' });
    const names = new Set(settings.map(({ name }) => name));
    const sampling = Object.keys(chatRequestSchema.shape).filter((name) =>
      /^(?:temp|dyna|top_[pkn]|min_|typ|repeat|pres|freq|logit|dry|xtc|miro|adaptive|samplers|seed)/.test(
        name,
      ),
    );
    expect(sampling.filter((name) => !names.has(name))).toEqual([]);
  });

  it('are JSON where a person typed some, and text otherwise', () => {
    expect(parseSetting('0.5')).toBe(0.5);
    expect(parseSetting('["a"]')).toEqual(['a']);
    expect(parseSetting('edskypmxta')).toBe('edskypmxta');
    expect(withSetting({ seed: 1, top_k: 2 }, 'seed', parseSetting(' '))).toEqual({ top_k: 2 });
  });
});

describe('the system prompt of a prefix', () => {
  const rendered = `<|im_start|>system\n${templateProbe[0]?.content}<|im_end|>\n<|im_start|>user\n${templateProbe[1]?.content}<|im_end|>\n`;

  it.each([
    ['<|im_start|>system\nBe a poet.<|im_end|>\n<|im_start|>user\n', 'Be a poet.'],
    ['<s><|im_start|>system\nBe a poet.', 'Be a poet.'],
    ['Once upon a time', 'Once upon a time'],
  ])('of %j is %j', (prefix, system) => {
    expect(findSystemPrompt(prefix, rendered)).toBe(system);
  });
});

describe('the cost on Lambda', () => {
  it('is the time by the memory, and the request', () => {
    const timings = { prompt_ms: 400, predicted_ms: 600 };

    expect(requestDollars(timings, 1024, 'x86_64')).toBeCloseTo(0.0000166667 + 0.0000002, 10);
    expect(requestDollars(timings, 2048, 'arm64')).toBeCloseTo(2 * 0.0000133334 + 0.0000002, 10);
  });

  it.each([
    [0, '$0'],
    [0.0000168667, '$0.000017'],
    [0.0123, '$0.012'],
    [1.5, '$1.50'],
  ])('%d is written %s', (dollars, text) => {
    expect(formatDollars(dollars)).toBe(text);
  });
});
