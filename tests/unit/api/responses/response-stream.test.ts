// The events of a stream, read by the accumulator of OpenAI's own client.
import fc from 'fast-check';
import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import { describe, expect, it } from 'vitest';
import { respond } from '../../../../src/api/responses/responses.ts';
import { StreamAnswer } from '../../../../src/api/stream-answer.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';
import { ask, toCall, weather } from './ask.ts';

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index?: number;
  readonly [field: string]: unknown;
}

const input = 'Hi';

async function stream(body: object, options: Parameters<typeof ask>[1] = {}): Promise<Event[]> {
  const answer = await ask({ input, stream: true, ...body }, options);
  expect(answer.status).toBe(200);
  return answer.body
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      const parsed = JSON.parse(data) as Event;
      expect(parsed.type).toBe(name);
      return parsed;
    });
}

/** Reads events as the client does. It throws if one does not fit those before. */
async function accumulate(events: readonly Event[]) {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`);
  return ResponseStream.fromReadableStream(new Blob(lines).stream()).finalResponse();
}

const long = (text: string) => new FakeEngine(text, { contextSize: 1000 });

const messageEvents = (deltas: number) => [
  'response.output_item.added',
  'response.content_part.added',
  ...Array(deltas).fill('response.output_text.delta'),
  'response.output_text.done',
  'response.content_part.done',
  'response.output_item.done',
];

describe('a stream of a response', () => {
  it.each([1, 2, 3])('ends its generation when the client leaves after %i events', async (events) => {
    const engine = long('Paris.');
    const answered = await respond(
      { input, stream: true },
      { engine, model, chatTemplate: templates.chatMl },
      toContext(),
    );
    if (!(answered instanceof StreamAnswer)) throw new Error('The answer is no stream.');
    for (let count = 0; count < events; count++) await answered.chunks.next();
    expect(engine.open).toBe(1);

    await answered.chunks.return();

    expect(engine.open).toBe(0);
  });

  it('has the events of a text in their order', async () => {
    const events = await stream({});

    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      ...messageEvents('Paris.'.length),
      'response.completed',
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  });

  it.each([
    [{}, ['response.content_part', 'response.reasoning_text']],
    [
      { reasoning: { summary: 'auto' } },
      ['response.reasoning_summary_part', 'response.reasoning_summary_text'],
    ],
  ])('has the events of thoughts with %j', async (body, [part, text]) => {
    const engine = long('<think>Hm</think>A');
    const events = await stream(body, { engine, chatTemplate: templates.thinking });

    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      `${part}.added`,
      `${text}.delta`,
      `${text}.delta`,
      `${text}.done`,
      `${part}.done`,
      'response.output_item.done',
      ...messageEvents(1),
      'response.completed',
    ]);
    expect(events.slice(2, 9).every(({ output_index }) => output_index === 0)).toBe(true);
  });

  it('has the events of calls', async () => {
    const engine = long(toCall({ city: 'Rome' }) + toCall({}));
    const events = await stream({ tools: [weather] }, { engine });
    const types = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
    const callEvents = [
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
    ];

    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      ...callEvents,
      ...callEvents,
      'response.completed',
    ]);
    expect((await accumulate(events)).output).toMatchObject([
      { type: 'function_call', call_id: 'call_a1b2_0_0', arguments: '{"city": "Rome"}' },
      { type: 'function_call', call_id: 'call_a1b2_0_1', arguments: '{}' },
    ]);
  });

  it('ends with response.incomplete at the limit of tokens', async () => {
    const events = await stream({ max_output_tokens: 2 });

    expect(events.at(-2)).toMatchObject({ item: { status: 'incomplete' } });
    expect(events.at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', usage: { output_tokens: 2 } },
    });
  });

  it('has the log-probabilities of the text, also of tokens that were held back', async () => {
    const engine = long(`No.  ${toCall({})}`);
    const events = await stream(
      { tools: [weather], top_logprobs: 0, include: ['message.output_text.logprobs'] },
      { engine },
    );
    const { output } = await accumulate(events);
    const [message] = output;

    expect(message).toMatchObject({ content: [{ text: 'No.' }] });
    expect(message).toMatchObject({
      content: [{ logprobs: [...'No.'].map((token) => expect.objectContaining({ token })) }],
    });
  });

  it('has no log-probabilities of thoughts, of marks and of blanks around the text', async () => {
    const engine = long('<think>\nab\n</think>\n\n  a  b');
    const options = { engine, chatTemplate: templates.thinkingWithTools };
    const events = await stream({ top_logprobs: 1 }, options);
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta');

    expect(deltas.map(({ delta }) => delta).join('')).toBe('a  b');
    for (const { delta, logprobs } of deltas)
      expect((logprobs as readonly { token: string }[]).map(({ token }) => token).join('')).toBe(delta);
  });

  it('ends with an error and a failed response, and has the output before it', async () => {
    const beforeEvent = (_: number, event: number) => {
      if (event === 3) throw new Error('secret');
    };
    const engine = new FakeEngine('Paris.', { contextSize: 1000, beforeEvent });
    const events = await stream({}, { engine });
    const message = expect.stringContaining('The server failed');

    expect(events.slice(-2)).toEqual([
      {
        type: 'error',
        sequence_number: events.length - 2,
        code: 'server_error',
        message,
        param: null,
        error: { type: 'server_error', code: 'server_error', message, param: null },
      },
      {
        type: 'response.failed',
        sequence_number: events.length - 1,
        response: expect.objectContaining({ status: 'failed', error: { code: 'server_error', message } }),
      },
    ]);
    await expect(accumulate(events)).rejects.toThrow('The server failed');
  });

  it('fails with its own status before the first token', async () => {
    const beforeEvent = () => {
      throw new Error('secret');
    };
    const engine = new FakeEngine('', { beforeEvent });

    expect((await ask({ input, stream: true }, { engine })).status).toBe(500);
  });

  it('is the same response for any text', async () => {
    const piece = fc.constantFrom(
      '<think>',
      '</think>',
      toCall({ city: 'Rome' }),
      toCall({}),
      'Hm',
      ' ',
      '\n',
      'é😀',
      '<',
    );
    const pieces = fc.array(piece, { maxLength: 6 });
    const kinds = fc.constantFrom('withTools', 'thinkingWithTools', 'alwaysThinking', 'chatMl');
    await fc.assert(
      fc.asyncProperty(
        pieces,
        kinds,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        fc.nat(60),
        async (texts, kind, asSummary, calls, inBytes, limit) => {
          const body = {
            ...(asSummary && { reasoning: { summary: 'auto' } }),
            ...(calls && { tools: [weather] }),
            max_output_tokens: limit + 1,
            top_logprobs: 1,
          };
          const options = () => ({
            engine: inBytes
              ? new FakeEngine([toByteTokens(texts.join(''))], { contextSize: 1000 })
              : long(texts.join('')),
            chatTemplate: templates[kind as keyof typeof templates],
          });
          const whole = await ask({ input, ...body }, options());
          // A call that is cut is no answer.
          fc.pre(whole.status === 200);
          const events = await stream(body, options());
          const last = events.at(-1)?.response as { readonly output: readonly object[] };

          expect(events.map(({ sequence_number }) => sequence_number)).toEqual(
            events.map((_, index) => index),
          );
          expect(last.output).toEqual(JSON.parse(whole.body).output);
          const { output } = await accumulate(events.slice(0, -1));
          expect(output.map(withoutParsed)).toEqual(last.output);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** The client adds these fields. */
function withoutParsed(item: object): unknown {
  return JSON.parse(
    JSON.stringify(item, (key, value) =>
      key === 'parsed' || key === 'parsed_arguments' ? undefined : value,
    ),
  );
}
