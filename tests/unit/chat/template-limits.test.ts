// Chat templates are programs of whoever made the model: they end, whatever they do.
import { describe, expect, it } from 'vitest';
import { applyTemplate } from '../../../src/api/chat/chat-prompt.ts';
import { model, toTemplate } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

const messages = [{ role: 'user', content: 'Hi' }];

/** Renders as a request does. */
function render(source: string, body: object = { messages }) {
  return applyTemplate(body, { engine: new FakeEngine(), model, chatTemplate: toTemplate(source) });
}

const loop = (count: number, body: string) =>
  Array.from({ length: count }, (_, depth) => `{% for i${depth} in range(9) %}`).join('') +
  body +
  '{% endfor %}'.repeat(count);

const endless = {
  'nested loops': loop(30, 'x'),
  'nested loops that write nothing': loop(30, '{% set x = 1 %}'),
  'a long range': '{% for i in range(1000000000000) %}x{% endfor %}',
  'a long range under another name': '{% set r = range %}{% for i in r(1000000000000) %}x{% endfor %}',
  'a range within a list': '{{ [[range(1000000000000)]] | length }}',
  'a macro that calls itself': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'a macro that calls itself twice':
    '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
  'a text that doubles':
    "{% set n = namespace(x='0123456789') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
  'a list that doubles':
    '{% set n = namespace(x=[0]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}',
  'a list that doubles, and is looped over':
    '{% set n = namespace(x=[0]) %}{% for i in range(20) %}{% set n.x = n.x + n.x %}{% endfor %}{% for x in n.x %}{% endfor %}',
  'a list within itself': '{% set x = [] %}{% set _ = x.append(x) %}{{ x }}',
  'a list within itself, as JSON': '{% set x = [] %}{% set _ = x.append(x) %}{{ x | tojson }}',
  'a list within itself, compared': '{% set x = [] %}{% set _ = x.append(x) %}{% set y = x == [x] %}',
  'a list of two of the list before':
    '{% set n = namespace(x=[0]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}',
  'a list that is nested deeply': `{% set n = namespace(x=[0]) %}${'{% for i in range(90) %}'.repeat(3)}{% set n.x = [n.x] %}${'{% endfor %}'.repeat(3)}{{ n.x }}`,
  'a text that is multiplied': "{{ 'x' * 1000000000000 }}",
  'a text that is multiplied again and again': "{{ 'x' * 10000 * 10000 * 10000 * 10000 }}",
  'a text that is indented': "{{ 'x\\ny' | indent(1000000000000) }}",
  'an expression that is nested deeply': `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`,
  'a long sum': `{{ 1${' + 1'.repeat(50_000)} }}`,
  'a long denial': `{{ ${'not '.repeat(50_000)} 1 }}`,
  'blocks that are nested deeply': '{% if 1 %}'.repeat(20_000) + '{% endif %}'.repeat(20_000),
  'a long choice': `{% if 0 %}${'{% elif 0 %}'.repeat(20_000)}{% endif %}`,
  'a list that is indented': '{{ [1] | tojson(indent=1000000000000) }}',
};

describe('a chat template that does not end', () => {
  it.each(Object.entries(endless))('is refused: %s', async (_, source) => {
    await expect(render(source)).rejects.toMatchObject({
      code: 'server_error',
      status: 500,
      message: expect.stringMatching(/^The model's chat template is refused, because it/),
    });
  });

  it('is refused at once by the next request', async () => {
    const chatTemplate = toTemplate(loop(30, 'x'));
    const service = { engine: new FakeEngine(), model, chatTemplate };
    const refusal = await applyTemplate({ messages }, service).catch((error: unknown) => error);
    expect(await applyTemplate({ messages }, service).catch((error: unknown) => error)).toBe(refusal);
    expect(chatTemplate.isValid).toBe(false);
    expect(chatTemplate.thinks).toBe(false);
  });

  it('is refused where only some messages make it so, and renders others', async () => {
    const source = `{% if messages[0].content == 'Loop.' %}${loop(30, 'x')}{% endif %}{{ messages[0].content }}`;
    const chatTemplate = toTemplate(source);
    const service = { engine: new FakeEngine(), model, chatTemplate };
    expect(await applyTemplate({ messages }, service)).toEqual({ prompt: 'Hi' });
    const looping = [{ role: 'user', content: 'Loop.' }];
    await expect(applyTemplate({ messages: looping }, service)).rejects.toMatchObject({
      status: 500,
      message: "The model's chat template is refused, because it takes too long.",
    });
    expect(await applyTemplate({ messages }, service)).toEqual({ prompt: 'Hi' });
  });
});

describe('a chat template that takes long', () => {
  it('lets other work go on while it is rendered', async () => {
    const source = `{% if messages[0].content == 'Loop.' %}${loop(30, 'x')}{% endif %}{{ messages[0].content }}`;
    const service = { engine: new FakeEngine(), model, chatTemplate: toTemplate(source) };
    await applyTemplate({ messages }, service);
    let isRendered = false;
    const rendering = applyTemplate({ messages: [{ role: 'user', content: 'Loop.' }] }, service)
      .catch(() => undefined)
      .then(() => {
        isRendered = true;
      });
    await new Promise(setImmediate);
    expect(isRendered).toBe(false);
    // A short one is not behind it.
    expect(await applyTemplate({ messages }, service)).toEqual({ prompt: 'Hi' });
    expect(isRendered).toBe(false);
    await rendering;
  });

  it('is refused with tools once, if it is their example that takes too long', async () => {
    const isExample = "tools and tools[0].function.name == 'example_of_a_tool'";
    const source = `{% if ${isExample} %}${loop(30, 'x')}{% endif %}{{ messages[0].content }}`;
    const service = { engine: new FakeEngine(), model, chatTemplate: toTemplate(source) };
    const body = { messages, tools: [{ type: 'function', function: { name: 'now' } }] };
    const refusal = await applyTemplate(body, service).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 500, message: expect.stringContaining('it takes too long') });
    expect(await applyTemplate(body, service).catch((error: unknown) => error)).toBe(refusal);
    expect(await applyTemplate({ messages }, service)).toEqual({ prompt: 'Hi' });
  });
});

describe('a chat template within its limits', () => {
  it('has time for each tool', async () => {
    const source = `{% for tool in tools or [] %}${loop(2, '')}{{ tool.function.name }}{% endfor %}{{ messages[0].content }}`;
    const tools = Array.from({ length: 128 }, (_, index) => ({
      type: 'function',
      function: { name: `f${index}` },
    }));
    const { prompt } = await render(source, { messages, tools });
    expect(prompt).toContain('f127Hi');
  });

  it('renders two thousand messages', async () => {
    const source =
      "{% for m in messages %}{{ '[' ~ m.role ~ ']' ~ m.content }}{% endfor %}{% for i in range(messages | length) %}{{ '-' * 2 }}{% endfor %}";
    const many = Array.from({ length: 2000 }, (_, index) => ({ role: 'user', content: `Message ${index}.` }));
    const { prompt } = await render(source, { messages: many });
    expect(prompt).toContain('[user]Message 1999.');
    expect(prompt.match(/-*$/)?.[0]).toHaveLength(4000);
  });
});
