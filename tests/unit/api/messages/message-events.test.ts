// Streams of POST /v1/messages.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { ask, askJson, askStreamed, engineOf, quietLog } from './ask.ts';
import { joinEvents } from './valid-events.ts';

const hi = { max_tokens: 400, messages: [{ role: 'user', content: 'Hi' }] };
const tools = [{ name: 'f', input_schema: { type: 'object' } }, { name: 'now' }];
const call = (name: string, input: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${input}}\n</tool_call>`;

describe('a stream', () => {
  it('has the events of each block', async () => {
    const body = { ...hi, tools, thinking: { type: 'adaptive' } };
    const text = `<think>\nHm.\n</think>\n\nOK ${call('now', '{}')}`;
    const service = { chatTemplate: templates.thinkingWithTools };
    const events = await askStreamed(body, engineOf(text), { service });
    const usage = { cache_creation_input_tokens: 0, cache_read_input_tokens: 3 };

    expect(events.map(({ data }) => data)).toMatchObject([
      {
        type: 'message_start',
        message: { content: [], stop_reason: null, usage: { ...usage, output_tokens: 0 } },
      },
      { type: 'ping' },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      },
      ...[...'Hm.'].map((thinking) => ({ index: 0, delta: { type: 'thinking_delta', thinking } })),
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'unsigned' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      ...[...'OK'].map((each) => ({ index: 1, delta: { type: 'text_delta', text: each } })),
      { type: 'content_block_stop', index: 1 },
      { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', name: 'now', input: {} } },
      ...[...'{}'].map((partial_json) => ({ index: 2, delta: { type: 'input_json_delta', partial_json } })),
      { type: 'content_block_stop', index: 2 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage },
      { type: 'message_stop' },
    ]);
  });

  it('says from the start how many tokens the prompt has', async () => {
    const [start, ...rest] = await askStreamed(hi, engineOf('Hello.'));
    const usage = rest.at(-2)?.data.usage as object;

    expect(start?.data).toMatchObject({ message: { usage: { ...usage, output_tokens: 0 } } });
    expect(usage).toMatchObject({ input_tokens: expect.any(Number), output_tokens: 6 });
  });

  it('is of server-sent events that have names, without a mark at the end', async () => {
    const { headers, body } = await ask({ ...hi, stream: true }, engineOf('Hi'));

    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'request-id': 'a1-b2',
    });
    expect(body).toMatch(/^event: message_start\ndata: \{.*\}\n\nevent: ping\ndata: \{"type":"ping"\}\n\n/);
    expect(body).toMatch(/\n\nevent: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  });

  it('without a text has no block', async () => {
    const events = await askStreamed(hi, engineOf(''));

    expect(joinEvents(events)).toMatchObject({ content: [], stop_reason: 'end_turn' });
  });
});

const words = fc.array(
  fc.constantFrom('Hi', ' ', '\n', '<think>', '</think>', '<tool_call>', '</tool_call>', '{', '"', '😀', 'é'),
  { maxLength: 8 },
);
const input = fc.oneof(
  fc.constantFrom('{}', '{"a": "</tool_call>"}', '{"a": {"b": [1, "}"]}}'),
  fc
    .dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
    .map((value) => JSON.stringify(value)),
);
const calls = fc.array(fc.tuple(fc.constantFrom('f', 'now'), input), { maxLength: 3 });

describe('any text', () => {
  it('is streamed in valid events, which make the whole message', async () => {
    const thoughts = fc.option(
      words.map((each) => `<think>${each.join('')}</think>`),
      { nil: '' },
    );
    const kind = fc.constantFrom('chatMl' as const, 'thinking' as const, 'alwaysThinking' as const);
    const fields = fc.record({
      max_tokens: fc.integer({ min: 0, max: 120 }),
      stop_sequences: fc.constantFrom([], ['}'], ['H', '😀']),
      thinking: fc.constantFrom({ type: 'adaptive' }, undefined),
    });
    await fc.assert(
      fc.asyncProperty(thoughts, words, calls, kind, fields, async (before, text, called, template, more) => {
        const answer = [before, text.join(''), ...called.map(([name, json]) => call(name, json))].join('');
        const body = { ...hi, tools, ...more };
        const options = { service: { chatTemplate: templates[template] }, context: { log: quietLog } };
        const whole = await askJson(body, engineOf(answer), options);
        const events = await askStreamed(body, engineOf(answer), options);

        // A text that ends within a call is an error. A stream has begun by then.
        if (whole.status !== 200) expect(events.at(-1)?.data.error).toEqual(whole.body.error);
        else expect(joinEvents(events)).toEqual(whole.body);
      }),
      { numRuns: 200 },
    );
  });
});
