import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { findCaller, rewriteClientContext, toClientContext } from '../../../src/http/client-context.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const decode = (base64: string) => JSON.parse(Buffer.from(base64, 'base64').toString());

/** Of an invocation whose client sends a client context. */
function lambdaContext(clientContext: unknown): Pick<Context, 'clientContext'> {
  return { clientContext } as Pick<Context, 'clientContext'>;
}

describe('a client context', () => {
  const refusal = expect.objectContaining({
    code: 'invalid_value',
    status: 400,
    message: expect.stringContaining("'x-amz-client-context'"),
  });

  it.each([
    ['no Base64', '%'],
    ['no JSON', Buffer.from('{').toString('base64')],
    ['no object', encode(7)],
    ['too deep', Buffer.from(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`).toString('base64')],
  ])('is refused when it is %s', (_, given) => {
    expect(() => rewriteClientContext(given)).toThrow(refusal);
    expect(() => toClientContext(given, 'one')).toThrow(refusal);
  });

  it('is written anew in ASCII, with the same meaning', () => {
    const given = { client: { appTitle: 'Grüße 🙂\n\u007f' } };
    const written = rewriteClientContext(Buffer.from(JSON.stringify(given, null, 2)).toString('base64'));

    expect(Buffer.from(written, 'base64').toString()).toMatch(/^[ -~]+$/);
    expect(decode(written)).toEqual(given);
  });
});

describe('the caller in a client context', () => {
  it.each([
    ['none', undefined],
    ['an empty header', ''],
    ['one with another caller', encode({ custom: { 'gguf-lambda-caller': 'other' } })],
  ])('is read again where the client has sent %s', (_, given) => {
    expect(findCaller(lambdaContext(decode(toClientContext(given, 'one'))))).toBe('one');
  });

  it("leaves the client's own fields", () => {
    const given = { client: { appTitle: 'a' }, custom: { b: 'c' } };

    expect(decode(toClientContext(encode(given), 'one'))).toMatchObject(given);
  });

  it.each([undefined, null, {}, { custom: 7 }, { custom: { 'gguf-lambda-caller': 7 } }])(
    'is none in %j',
    (clientContext) => {
      expect(findCaller(lambdaContext(clientContext))).toBeUndefined();
    },
  );
});
