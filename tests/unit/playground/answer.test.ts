// Streams of either API, added up to an answer.
import { describe, expect, it } from 'vitest';
import { addChunk, type Chunk, emptyAnswer } from '../../../playground/answer.ts';
import { checkCall, checkJson } from '../../../playground/answer-check.ts';
import { EventReader, readEvents } from '../../../playground/server-sent-events.ts';

const read = (chunks: readonly Chunk[]) => chunks.reduce(addChunk, emptyAnswer);

describe('server-sent events', () => {
  const stream = 'data: {"a": "é"}\n\n: comment\n\nevent: error\ndata: one\ndata: two\n\ndata: [DONE]\n\n';
  const events = [{ data: '{"a": "é"}' }, { name: 'error', data: 'one\ntwo' }, { data: '[DONE]' }];

  it.each([1, 2, 3, 7, 1000])('are the same in pieces of %i bytes', async (size) => {
    const bytes = new TextEncoder().encode(stream);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let start = 0; start < bytes.length; start += size) {
          controller.enqueue(bytes.subarray(start, start + size));
        }
        controller.close();
      },
    });

    expect(await Array.fromAsync(readEvents(body))).toEqual(events);
  });

  it('may have the line ends of Windows', () => {
    expect(new EventReader().push(stream.replaceAll('\n', '\r\n'))).toEqual(events);
  });
});

describe('an answer', () => {
  it('has the text, the thoughts and the end of a chat', () => {
    const answer = read([
      { choices: [{ delta: { reasoning_content: 'Hm. ' }, finish_reason: null }] },
      { choices: [{ delta: { content: 'Par' } }] },
      { choices: [{ delta: { content: 'is' }, finish_reason: 'stop' }] },
      { choices: [] },
    ]);

    expect(answer).toMatchObject({ text: 'Paris', reasoning: 'Hm. ', finishReason: 'stop' });
  });

  it('has the calls of tools, whose arguments come in parts', () => {
    const call = (index: number, id: string, name: string) => ({
      index,
      id,
      function: { name, arguments: '' },
    });
    const more = (index: number, args: string) => ({ index, function: { arguments: args } });
    const answer = read([
      { choices: [{ delta: { tool_calls: [call(0, 'a', 'f')] } }] },
      { choices: [{ delta: { tool_calls: [more(0, '{"x"'), more(0, ':1}')] } }] },
      { choices: [{ delta: { tool_calls: [call(1, 'b', 'g'), more(1, '{}')] } }] },
    ]);

    expect(answer.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: '{}' },
    ]);
  });

  it('has the same tokens from a chat and from a completion, likeliest alternative first', () => {
    const half = Math.log(0.5);
    const quarter = Math.log(0.25);
    const chat = read([
      {
        choices: [
          {
            delta: { content: 'a' },
            logprobs: {
              content: [
                {
                  token: 'a',
                  logprob: quarter,
                  top_logprobs: [
                    { token: 'b', logprob: half },
                    { token: 'a', logprob: quarter },
                  ],
                },
              ],
            },
          },
        ],
      },
    ]);
    const completion = read([
      {
        choices: [
          {
            text: 'a',
            logprobs: { tokens: ['a'], token_logprobs: [quarter], top_logprobs: [{ a: quarter, b: half }] },
          },
        ],
      },
    ]);

    expect(chat.tokens).toMatchObject([{ text: 'a', alternatives: [{ text: 'b' }, { text: 'a' }] }]);
    expect(chat.tokens[0]?.probability).toBeCloseTo(0.25);
    expect(completion.tokens).toEqual(chat.tokens);
  });
});

describe('the check of JSON', () => {
  const schema = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}';

  it.each([
    ['{"n": 1}', true, 'Checked'],
    ['{"n": "1"}', false, '#/n'],
    ['{"n": 1', false, 'Not JSON'],
  ])('says of %s whether it matches: %s', (text, ok, message) => {
    expect(checkJson(text, schema)).toMatchObject({ ok, message: expect.stringContaining(message) });
  });

  it('checks the arguments of a call by the schema of its tool', () => {
    const tools = `[{"type": "function", "function": {"name": "f", "parameters": ${schema}}}]`;

    expect(checkCall('f', '{"n": 1}', tools).ok).toBe(true);
    expect(checkCall('f', '{}', tools).ok).toBe(false);
    expect(checkCall('g', '{}', tools)).toEqual({ ok: false, message: "There is no tool 'g'." });
  });
});
