import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { requestFirstCompletion } from '../../../../tools/deploy/first-request.ts';
import { awsError, credentials, failureOf, region } from './fixtures.ts';
import { answer, ifSigned, startFunctionUrl, streamCompletion } from './function-url.ts';

const lambda = mockClient(LambdaClient);
const secrets = mockClient(SecretsManagerClient);
const secretArn = `arn:aws:secretsmanager:${region}:111122223333:secret:key-AbCdEf`;
const aliasArn = `arn:aws:lambda:${region}:111122223333:function:completion:live`;

beforeEach(() => {
  lambda.reset();
  secrets.reset();
});

/** Sends the first request to a stack with these outputs, and records the delays. */
function startRequest(outputs: Readonly<Record<string, string>>, signer = credentials, signal?: AbortSignal) {
  const delays: number[] = [];
  const { sha256 } = new STSClient({ region }).config;
  const stack = {
    name: 'gguf-lambda-dev',
    status: 'CREATE_COMPLETE',
    isProtected: false,
    changedAt: 0,
    parameters: {},
    outputs,
  };
  const completion = requestFirstCompletion(stack, {
    signing: { region, credentials: signer, sha256 },
    lambda: new LambdaClient({ region }),
    signal: signal ?? new AbortController().signal,
    delay: async (milliseconds) => void delays.push(milliseconds),
  });
  return { completion, delays };
}

/** Converts a body to the payload of an invoke response. */
function payload(body: unknown): NonNullable<InvokeCommandOutput['Payload']> {
  const bytes = Buffer.from(JSON.stringify(body));
  return Object.assign(bytes, { transformToString: () => bytes.toString() }) as never;
}

describe('requestFirstCompletion, over a Function URL with AWS_IAM', () => {
  it("sends a request signed with the caller's credentials", async () => {
    const { url, received } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));

    const { completion, delays } = startRequest({ StreamUrl: url, StreamAuth: 'AWS_IAM' });

    expect(await completion).toEqual({
      prompt: 'The capital of France is',
      text: ' París.',
      seconds: expect.any(Number),
    });
    expect(delays).toEqual([]);
    expect(received).toMatchObject([{ method: 'POST', path: '/v1/completions' }]);
    expect(received[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      prompt: 'The capital of France is',
      max_tokens: 8,
      temperature: 0,
      stream: false,
    });
  });

  it('names the missing permissions after six refusals', async () => {
    const { url, received } = await startFunctionUrl(ifSigned(streamCompletion('é')));

    const { completion, delays } = startRequest(
      { StreamUrl: url, StreamAuth: 'AWS_IAM' },
      { ...credentials, secretAccessKey: 'another' },
    );

    expect(await failureOf(completion)).toMatchObject({
      code: 'no-answer',
      message:
        'gguf-lambda-dev is deployed, but its first request failed: 403 {"Message":"Forbidden"} The caller needs the permissions lambda:InvokeFunctionUrl and lambda:InvokeFunction.',
    });
    expect(received).toHaveLength(6);
    expect(delays).toEqual([2000, 4000, 8000, 16000, 30000]);
  });

  it('signs and sends the request again until the permissions have propagated', async () => {
    const { url, received } = await startFunctionUrl(
      answer(403, 'Forbidden'),
      answer(502, 'Bad Gateway'),
      ifSigned(streamCompletion('é')),
    );

    const { completion, delays } = startRequest({ StreamUrl: url, StreamAuth: 'AWS_IAM' });

    expect(await completion).toMatchObject({ text: 'é' });
    expect(received).toHaveLength(3);
    expect(delays).toEqual([2000, 4000]);
  });
});

describe('requestFirstCompletion, over a Function URL with a key', () => {
  it.each([
    ['plain text', 'sesame\n'],
    ['a JSON field', '{"apiKey": "sesame"}'],
  ])('sends the key that the secret has as %s', async (_, secret) => {
    secrets.on(GetSecretValueCommand, { SecretId: secretArn }).resolves({ SecretString: secret });
    const { url, received } = await startFunctionUrl(streamCompletion('é'));

    const { completion } = startRequest({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: secretArn });

    expect(await completion).toMatchObject({ text: 'é' });
    expect(received[0]?.headers.authorization).toBe('Bearer sesame');
  });

  it.each(['AccessDeniedException', 'ResourceNotFoundException', 'ThrottlingException'])(
    'sends no request when the secret cannot be read: %s',
    async (name) => {
      secrets.on(GetSecretValueCommand).rejects(awsError(name));
      const { url, received } = await startFunctionUrl(streamCompletion('é'));

      const { completion } = startRequest({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: secretArn });

      expect(await failureOf(completion)).toMatchObject({
        code: 'no-answer',
        message: expect.stringContaining(`${secretArn}.: AWS says ${name}`),
      });
      expect(received).toEqual([]);
    },
  );

  it('sends no authorization when there is no secret', async () => {
    const { url, received } = await startFunctionUrl(streamCompletion('é'));

    await startRequest({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: '' }).completion;

    expect(received[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    [401, '{"error":{"message":"wrong key"}}', '401 {"error":{"message":"wrong key"}}'],
    [200, '{"choices":[]}', '200 {"choices":[]}'],
    [200, 'not JSON', '200 not JSON'],
    [400, 'x'.repeat(501), `400 ${'x'.repeat(500)}…`],
  ])('does not retry after status %i and the body %s', async (status, body, reason) => {
    const { url, received } = await startFunctionUrl(answer(status, body));

    const { completion } = startRequest({ StreamUrl: url, StreamAuth: 'NONE' });

    expect((await failureOf(completion)).message).toBe(
      `gguf-lambda-dev is deployed, but its first request failed: ${reason}`,
    );
    expect(received).toHaveLength(1);
  });

  it('retries when the connection closes early', async () => {
    const { url } = await startFunctionUrl((_, response) => response.destroy(), streamCompletion('é'));

    const { completion, delays } = startRequest({ StreamUrl: url, StreamAuth: 'NONE' });

    expect(await completion).toMatchObject({ text: 'é' });
    expect(delays).toEqual([2000]);
  });

  it('does not retry after an interruption', async () => {
    const interruption = new AbortController();
    const { url, received } = await startFunctionUrl(() => interruption.abort());

    const { completion, delays } = startRequest(
      { StreamUrl: url, StreamAuth: 'NONE' },
      credentials,
      interruption.signal,
    );

    expect(await failureOf(completion)).toMatchObject({ name: 'AbortError' });
    expect(received).toHaveLength(1);
    expect(delays).toEqual([]);
  });
});

describe('requestFirstCompletion, of a function without a URL', () => {
  it('invokes the alias', async () => {
    lambda.on(InvokeCommand).resolves({ Payload: payload({ choices: [{ text: ' Paris' }] }) });

    expect(await startRequest({ CompletionFunction: aliasArn }).completion).toMatchObject({ text: ' Paris' });

    const { FunctionName, Payload } = lambda.commandCalls(InvokeCommand)[0]?.args[0].input ?? {};
    expect(FunctionName).toBe(aliasArn);
    expect(JSON.parse(String(Payload))).toMatchObject({ prompt: 'The capital of France is', stream: false });
  });

  it('reports a function error without a retry', async () => {
    const body = { errorType: 'Runtime.ExitError', errorMessage: 'It ended.' };
    lambda.on(InvokeCommand).resolves({ FunctionError: 'Unhandled', Payload: payload(body) });

    const { completion, delays } = startRequest({ CompletionFunction: aliasArn });

    expect((await failureOf(completion)).message).toContain(`Unhandled error ${JSON.stringify(body)}`);
    expect(delays).toEqual([]);
  });

  it('retries until the permissions have propagated', async () => {
    lambda
      .on(InvokeCommand)
      .rejectsOnce(awsError('AccessDeniedException', 403))
      .resolves({ Payload: payload({ choices: [{ text: ' Paris' }] }) });

    const { completion, delays } = startRequest({ CompletionFunction: aliasArn });

    expect(await completion).toMatchObject({ text: ' Paris' });
    expect(delays).toEqual([2000]);
  });

  it.each([
    ['ResourceNotFoundException', 404, 0],
    ['TooManyRequestsException', 429, 5],
    ['AccessDeniedException', 403, 5],
  ])('gives up after %s with status %i and %i retries', async (name, status, pauses) => {
    lambda.on(InvokeCommand).rejects(awsError(name, status));

    const { completion, delays } = startRequest({ CompletionFunction: aliasArn });

    expect((await failureOf(completion)).message).toContain(`${status} AWS says ${name}.`);
    expect(delays).toHaveLength(pauses);
  });

  it('throws no-answer when the stack has no outputs', async () => {
    expect(await failureOf(startRequest({}).completion)).toMatchObject({ code: 'no-answer' });
  });
});
