import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { askFirst } from '../../../../tools/deploy/first-request.ts';
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

/** Asks a stack with these outputs, and writes down how long was waited. */
function ask(outputs: Readonly<Record<string, string>>, signer = credentials, signal?: AbortSignal) {
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
  const asked = askFirst(stack, {
    signing: { region, credentials: signer, sha256 },
    lambda: new LambdaClient({ region }),
    signal: signal ?? new AbortController().signal,
    delay: async (milliseconds) => void delays.push(milliseconds),
  });
  return { asked, delays };
}

/** What a function answered an invoke with. */
function payload(body: unknown): NonNullable<InvokeCommandOutput['Payload']> {
  const bytes = Buffer.from(JSON.stringify(body));
  return Object.assign(bytes, { transformToString: () => bytes.toString() }) as never;
}

describe('a Function URL with AWS_IAM', () => {
  it('is asked with the signature of the caller', async () => {
    const { url, received } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));

    const { asked, delays } = ask({ StreamUrl: url, StreamAuth: 'AWS_IAM' });

    expect(await asked).toEqual({
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

  it('that goes on refusing is told with what a caller needs', async () => {
    const { url, received } = await startFunctionUrl(ifSigned(streamCompletion('é')));

    const { asked, delays } = ask(
      { StreamUrl: url, StreamAuth: 'AWS_IAM' },
      { ...credentials, secretAccessKey: 'another' },
    );

    expect(await failureOf(asked)).toMatchObject({
      code: 'no-answer',
      message:
        'gguf-lambda-dev is deployed, but has not answered: 403 {"Message":"Forbidden"} A caller needs lambda:InvokeFunctionUrl and lambda:InvokeFunction.',
    });
    expect(received).toHaveLength(6);
    expect(delays).toEqual([2000, 4000, 8000, 16000, 30000]);
  });

  it('is asked again, signed anew, until permissions are known', async () => {
    const { url, received } = await startFunctionUrl(
      answer(403, 'Forbidden'),
      answer(502, 'Bad Gateway'),
      ifSigned(streamCompletion('é')),
    );

    const { asked, delays } = ask({ StreamUrl: url, StreamAuth: 'AWS_IAM' });

    expect(await asked).toMatchObject({ text: 'é' });
    expect(received).toHaveLength(3);
    expect(delays).toEqual([2000, 4000]);
  });
});

describe('a Function URL with a key', () => {
  it.each([
    ['a text', 'sesame\n'],
    ['a field', '{"apiKey": "sesame"}'],
  ])('is asked with the one in the secret, %s', async (_, secret) => {
    secrets.on(GetSecretValueCommand, { SecretId: secretArn }).resolves({ SecretString: secret });
    const { url, received } = await startFunctionUrl(streamCompletion('é'));

    const { asked } = ask({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: secretArn });

    expect(await asked).toMatchObject({ text: 'é' });
    expect(received[0]?.headers.authorization).toBe('Bearer sesame');
  });

  it.each(['AccessDeniedException', 'ResourceNotFoundException', 'ThrottlingException'])(
    'cannot be asked where the secret cannot be read: %s',
    async (name) => {
      secrets.on(GetSecretValueCommand).rejects(awsError(name));
      const { url, received } = await startFunctionUrl(streamCompletion('é'));

      const { asked } = ask({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: secretArn });

      expect(await failureOf(asked)).toMatchObject({
        code: 'no-answer',
        message: expect.stringContaining(`${secretArn}.: AWS says ${name}`),
      });
      expect(received).toEqual([]);
    },
  );

  it('is asked without where there is none', async () => {
    const { url, received } = await startFunctionUrl(streamCompletion('é'));

    await ask({ StreamUrl: url, StreamAuth: 'NONE', ApiKeySecretArn: '' }).asked;

    expect(received[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    [401, '{"error":{"message":"wrong key"}}', '401 {"error":{"message":"wrong key"}}'],
    [200, '{"choices":[]}', '200 {"choices":[]}'],
    [200, 'not JSON', '200 not JSON'],
    [400, 'x'.repeat(501), `400 ${'x'.repeat(500)}…`],
  ])('that answers %i is not asked again', async (status, body, reason) => {
    const { url, received } = await startFunctionUrl(answer(status, body));

    const { asked } = ask({ StreamUrl: url, StreamAuth: 'NONE' });

    expect((await failureOf(asked)).message).toBe(
      `gguf-lambda-dev is deployed, but has not answered: ${reason}`,
    );
    expect(received).toHaveLength(1);
  });

  it('is asked again when a connection ends early', async () => {
    const { url } = await startFunctionUrl((_, response) => response.destroy(), streamCompletion('é'));

    const { asked, delays } = ask({ StreamUrl: url, StreamAuth: 'NONE' });

    expect(await asked).toMatchObject({ text: 'é' });
    expect(delays).toEqual([2000]);
  });

  it('is left alone after an interruption', async () => {
    const interruption = new AbortController();
    const { url, received } = await startFunctionUrl(() => interruption.abort());

    const { asked, delays } = ask({ StreamUrl: url, StreamAuth: 'NONE' }, credentials, interruption.signal);

    expect(await failureOf(asked)).toMatchObject({ name: 'AbortError' });
    expect(received).toHaveLength(1);
    expect(delays).toEqual([]);
  });
});

describe('a function without a URL', () => {
  it('is invoked by its alias', async () => {
    lambda.on(InvokeCommand).resolves({ Payload: payload({ choices: [{ text: ' Paris' }] }) });

    expect(await ask({ CompletionFunction: aliasArn }).asked).toMatchObject({ text: ' Paris' });

    const { FunctionName, Payload } = lambda.commandCalls(InvokeCommand)[0]?.args[0].input ?? {};
    expect(FunctionName).toBe(aliasArn);
    expect(JSON.parse(String(Payload))).toMatchObject({ prompt: 'The capital of France is', stream: false });
  });

  it('that fails tells its error, once', async () => {
    const body = { errorType: 'Runtime.ExitError', errorMessage: 'It ended.' };
    lambda.on(InvokeCommand).resolves({ FunctionError: 'Unhandled', Payload: payload(body) });

    const { asked, delays } = ask({ CompletionFunction: aliasArn });

    expect((await failureOf(asked)).message).toContain(`Unhandled error ${JSON.stringify(body)}`);
    expect(delays).toEqual([]);
  });

  it('is invoked again until permissions are known', async () => {
    lambda
      .on(InvokeCommand)
      .rejectsOnce(awsError('AccessDeniedException', 403))
      .resolves({ Payload: payload({ choices: [{ text: ' Paris' }] }) });

    const { asked, delays } = ask({ CompletionFunction: aliasArn });

    expect(await asked).toMatchObject({ text: ' Paris' });
    expect(delays).toEqual([2000]);
  });

  it.each([
    ['ResourceNotFoundException', 404, 0],
    ['TooManyRequestsException', 429, 5],
    ['AccessDeniedException', 403, 5],
  ])('is given up after %s with status %i', async (name, status, pauses) => {
    lambda.on(InvokeCommand).rejects(awsError(name, status));

    const { asked, delays } = ask({ CompletionFunction: aliasArn });

    expect((await failureOf(asked)).message).toContain(`${status} AWS says ${name}.`);
    expect(delays).toHaveLength(pauses);
  });

  it('and without an alias is nothing to ask', async () => {
    expect(await failureOf(ask({}).asked)).toMatchObject({ code: 'no-answer' });
  });
});
