import { expect, it } from 'vitest';
import { toStartMessage } from '../../../src/startup/start-message.ts';

const message = {
  handler: 'completion.handler',
  url: 'http://127.0.0.1:8000',
  invokePath: '/invocations',
  host: '127.0.0.1',
  keyName: undefined,
  description: ['Model: tiny', 'Memory: 1 MiB'],
};

it('has the URLs, the model, the memory and a chat to paste', () => {
  expect(toStartMessage(message).split('\n').slice(1, -1)).toEqual([
    'gguf-lambda: completion.handler answers at http://127.0.0.1:8000/invocations',
    'OpenAI base URL: http://127.0.0.1:8000/v1',
    'Playground: http://127.0.0.1:8000/',
    'Model: tiny',
    'Memory: 1 MiB',
    'Try it:',
    expect.stringMatching(/^ {2}curl -s http:\/\/127\.0\.0\.1:8000\/v1\/chat\/completions .*"messages"/),
  ]);
});

it('names the key of the request to try, and not its value', () => {
  expect(toStartMessage({ ...message, keyName: '$API_KEY' })).toContain(
    '-H "authorization: Bearer $API_KEY" -d',
  );
});

it.each(['0.0.0.0', '::'])(
  'prints no URL of a server on every address, %s: a container publishes another port',
  (host) => {
    const text = toStartMessage({ ...message, host, url: 'http://127.0.0.1:8080' });

    expect(text).not.toMatch(/http:\/\/(?:127\.0\.0\.1|localhost)/);
    expect(text).toContain('answers at port 8080 of every address of this machine');
  },
);
