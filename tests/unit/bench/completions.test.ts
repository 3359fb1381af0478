import { expect, test } from 'vitest';
import { toStreamedCompletion } from '../../../bench/completions.ts';

const chunk = (text: string, finish: string | null = null) => ({
  choices: [{ text, finish_reason: finish }],
});
const usage = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 4 } };
const event = (body: object) => `data: ${JSON.stringify(body)}\n\n`;

/** Creates an exchange whose parts arrive every 10 ms, starting at 10. */
function toExchange(...texts: (string | Buffer)[]) {
  const parts = texts.map((text, index) => ({ at: 10 * (index + 1), bytes: Buffer.from(text) }));
  return { startedAt: 1, endedAt: 10 * texts.length, parts };
}

test('takes the times of the first text and the last choice, and the token count of the server', () => {
  const exchange = toExchange(
    ': a comment\n\n',
    event(chunk('')),
    event(chunk(' Par')) + event(chunk('is')),
    event(chunk('', 'length')),
    `${event(usage)}data: [DONE]\n\n`,
  );

  expect(toStreamedCompletion(exchange)).toEqual({
    startedAt: 1,
    firstTokenAt: 30,
    lastTokenAt: 40,
    completionTokens: 4,
    text: ' Paris',
  });
});

test('reads the text of a chat', () => {
  const delta = (content: string | null) => ({ choices: [{ delta: { content } }] });

  const answer = toStreamedCompletion(
    toExchange(
      event(delta(null)),
      event(delta('Par')),
      event(delta('is')),
      event({ choices: [{ delta: {} }] }),
    ),
  );

  expect(answer).toMatchObject({ firstTokenAt: 20, lastTokenAt: 40, completionTokens: 2, text: 'Paris' });
});

test('takes the time of the last byte of an event that is split within a character', () => {
  const bytes = Buffer.from(event(chunk('é')));
  const middle = bytes.indexOf(0xc3) + 1;

  const answer = toStreamedCompletion(toExchange(bytes.subarray(0, middle), bytes.subarray(middle)));

  expect(answer).toMatchObject({ firstTokenAt: 20, lastTokenAt: 20 });
});

test('counts events with text when the server reports no usage', () => {
  const exchange = toExchange(event(chunk(' a')), event(chunk(' b')), event(chunk('', 'stop')));

  expect(toStreamedCompletion(exchange).completionTokens).toBe(2);
});

test('rejects a stream without text', () => {
  expect(() => toStreamedCompletion(toExchange(event(usage)))).toThrow('no text');
});
