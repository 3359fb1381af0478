// The playground at a Function URL, as Lambda runs it: off, unless the template's parameter turns it on.
import { expect, it } from 'vitest';
import { readEvent } from '../events.ts';
import { startRuntimeProcess } from './runtime-process.ts';
import { toHttpAnswer } from './streamed-answer.ts';

const event = readEvent('function-url-health') as {
  readonly headers: object;
  readonly requestContext: { readonly http: object };
};
/** A browser that opens the URL. */
const visit = {
  ...event,
  rawPath: '/',
  headers: { ...event.headers, accept: 'text/html,application/xhtml+xml' },
  requestContext: { ...event.requestContext, http: { ...event.requestContext.http, path: '/' } },
};

async function open(env: NodeJS.ProcessEnv) {
  const runtime = await startRuntimeProcess('stream', { API_KEY: 'key', ...env });
  try {
    const { headers, pieces } = toHttpAnswer((await runtime.invoke(visit)).pieces);
    return { headers, text: Buffer.concat(pieces.map(({ bytes }) => bytes)).toString() };
  } finally {
    await runtime.end();
  }
}

it('is served to a browser, without the key, when PLAYGROUND is true', async () => {
  const { headers, text } = await open({ PLAYGROUND: 'true' });

  expect(text).toMatch(/^<!doctype html>/);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
  });
});

it('is not served by default', async () => {
  const { text } = await open({});

  expect(text).not.toMatch(/<!doctype html>/);
});
