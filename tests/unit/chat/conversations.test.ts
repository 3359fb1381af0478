// Conversations that templates do not take as they are: each is rearranged until it does, and nothing of it is lost.
import { describe, expect, it, vi } from 'vitest';
import { applyTemplate } from '../../../src/api/chat/chat-prompt.ts';
import { toTemplate } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';
import { useTemplateCollection } from './template-collection.ts';
import { weatherTool as tool } from './weather-tool.ts';

vi.setConfig({ testTimeout: 60_000 });

const collection = useTemplateCollection();

async function render(name: string, body: object): Promise<string> {
  const chatTemplate = collection.open(name);
  const { prompt } = await applyTemplate(body, { engine: new FakeEngine(), model: 'fake-1b', chatTemplate });
  return prompt;
}

const system = { role: 'system', content: 'You are brief.' };
const user = (content: unknown) => ({ role: 'user', content });
const called = {
  role: 'assistant',
  content: null,
  tool_calls: [
    { id: 'call00001', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } },
  ],
};
const result = { role: 'tool', tool_call_id: 'call00001', name: 'get_weather', content: 'It is 20 degrees.' };

/** The templates that fail, each with its text, as a table of failures. */
async function findFailures(body: object, texts: readonly string[]): Promise<Record<string, unknown>> {
  const failures: Record<string, unknown> = {};
  for (const name of collection.names) {
    try {
      const prompt = await render(name, body);
      const missing = texts.filter((text) => !prompt.includes(text));
      if (missing.length > 0) failures[name] = missing;
    } catch (error) {
      failures[name] = error instanceof Error ? error.message : error;
    }
  }
  return failures;
}

describe('what a template writes', () => {
  it('has all values of arguments', async () => {
    const given = JSON.stringify({ place: { list: [1, 2.5, null, true], text: 'Paris' } });
    const calls = [
      { id: 'call00001', type: 'function', function: { name: 'get_weather', arguments: given } },
    ];
    const messages = [user('Is it warm?'), { ...called, tool_calls: calls }, result];

    expect(await findFailures({ messages, tools: [tool] }, ['2.5', 'Paris'])).toEqual({});
    expect(await render('google-gemma-4-31B-it', { messages, tools: [tool] })).toContain('[1,2.5,None,true]');
  });

  it('is written as Python does', async () => {
    const chatTemplate = toTemplate(
      '{% macro write(x) %}{{ x }}{% endmacro %}{{ none }} {{ {"a": [1, none]} }} {{ write(["b", true]) }} {{ x }}{% if true %}{{ none }}{% endif %}',
    );
    const { prompt } = await applyTemplate(
      { messages: [user('Hi')] },
      { engine: new FakeEngine(), model: 'fake-1b', chatTemplate },
    );

    expect(prompt).toBe("None {'a': [1, None]} ['b', True] None");
  });

  it("has the text before calls, which llama.cpp drops for Gemma 4's older template", async () => {
    const messages = [user('Is it warm?'), { ...called, content: 'Let me see.' }, result];
    const prompt = await render('google-gemma-4-31B-it-interleaved', { messages, tools: [tool] });

    expect(prompt).toContain('<|turn>model\nLet me see.<turn|>\n<|turn>model\n<|tool_call>call:get_weather{');
  });

  it('has tools as they are, or complete where the template needs that', async () => {
    const bare = { type: 'function', function: { name: 'now', strict: true } };
    const body = { messages: [user('Hi')], tools: [bare] };

    expect(await render('Qwen-Qwen3-0.6B', body)).toContain(
      '{"type": "function", "function": {"name": "now"}}',
    );
    expect(await findFailures(body, ['now'])).toEqual({});
  });
});

describe('a template that writes results but no calls', () => {
  it("has calls in its family's form: LFM2", async () => {
    const calls = [{ city: 'Paris', days: 2, hourly: true, place: null }, {}].map((given, index) => ({
      id: `call0000${index}`,
      type: 'function',
      function: { name: 'get_weather', arguments: JSON.stringify(given) },
    }));
    const messages = [user('Is it warm?'), { ...called, tool_calls: calls }, result, user('And in Oslo?')];
    const prompt = await render('LFM2-8B-A1B', { messages, tools: [tool] });

    expect(prompt).toContain(
      'assistant\n<|tool_call_start|>[get_weather(city="Paris", days=2, hourly=True, place=None)]<|tool_call_end|>\n' +
        '<|tool_call_start|>[get_weather()]<|tool_call_end|><|im_end|>\n' +
        '<|im_start|>tool\n<|tool_response_start|>It is 20 degrees.<|tool_response_end|><|im_end|>\n',
    );
  });
});

describe('every template', () => {
  it('has a system message, also where the template itself has none', async () => {
    const body = { messages: [system, user('Is it warm?')] };

    expect(await findFailures(body, ['You are brief.', 'Is it warm?'])).toEqual({});
  });

  it('has tools, also where the template itself has none', async () => {
    const body = { messages: [user('Is it warm?')], tools: [tool] };

    expect(await findFailures(body, ['get_weather', 'The weather of a city.', 'Is it warm?'])).toEqual({});
  });

  it('has a message of the user behind the result of a tool', async () => {
    const body = { messages: [user('Is it warm?'), called, result, user('And in Oslo?')], tools: [tool] };
    const texts = ['Is it warm?', 'Paris', '20 degrees', 'And in Oslo?'];

    expect(await findFailures(body, texts)).toEqual({});
  });

  it('has messages that do not take turns', async () => {
    const body = {
      messages: [
        { role: 'assistant', content: 'How can I help?' },
        user('One.'),
        user('Two.'),
        system,
        { role: 'assistant', content: 'Three.' },
        user('Four.'),
      ],
    };

    expect(await findFailures(body, ['You are brief.', 'One.', 'Two.', 'Four.'])).toEqual({});
  });

  it('has the parts of a text, each on a line', async () => {
    const parts = ['One.', 'Two.'].map((text) => ({ type: 'text', text }));

    expect(await findFailures({ messages: [user(parts)] }, ['One.\nTwo.'])).toEqual({});
  });
});
