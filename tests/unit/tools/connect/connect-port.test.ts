import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ConnectOptions, connectPort } from '../../../../tools/connect/connect-port.ts';
import {
  caller,
  failureOf,
  fakeDeployEnvironment,
  noStack,
  region,
  stackOf,
  stubCredentials,
} from '../deploy/fixtures.ts';
import { answer, ifSigned, startFunctionUrl } from '../deploy/function-url.ts';

const cloudFormation = mockClient(CloudFormationClient);
const sts = mockClient(STSClient);

beforeEach(() => {
  cloudFormation.reset();
  sts.reset();
  sts.on(GetCallerIdentityCommand).resolves(caller);
  stubCredentials();
});

/** Connects until the port is printed. */
async function start(options: Partial<ConnectOptions>) {
  const interruption = new AbortController();
  const ready = Promise.withResolvers<void>();
  const lines: string[] = [];
  const print = (line: string) => {
    lines.push(line);
    if (line.startsWith('Press')) ready.resolve();
  };
  const { deployEnvironment } = fakeDeployEnvironment({ print, signal: interruption.signal });
  const ended = connectPort(
    { environment: 'dev', port: '0', host: '127.0.0.1', ...options },
    deployEnvironment,
  );
  onTestFinished(() => interruption.abort());
  await Promise.race([ready.promise, ended]);
  return { lines, ended, interrupt: () => interruption.abort() };
}

const originOf = (lines: readonly string[]) =>
  /http:\S+/.exec(lines.find((line) => line.includes('passes')) ?? '')?.[0];

describe('connectPort', () => {
  it("passes requests on to the URL of the environment's stack, until it is interrupted", async () => {
    const { url } = await startFunctionUrl(ifSigned(answer(200, 'ok')));
    const stack = stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM' });
    cloudFormation.on(DescribeStacksCommand, { StackName: 'gguf-lambda-prod' }).resolves(stack);
    const { lines, ended, interrupt } = await start({ environment: 'prod' });
    const origin = originOf(lines);

    expect(await (await fetch(`${origin}/health`)).text()).toBe('ok');
    expect(lines).toEqual([
      `Account: ${caller.Account}, as ${caller.Arn}.`,
      `Region: ${region}.`,
      `${origin} passes requests on to ${new URL(url).origin}, signed with your AWS credentials.`,
      `Base URL of OpenAI clients: ${origin}/v1. Any API key will do: it stays on this machine.`,
      'Press Ctrl-C to end.',
    ]);
    interrupt();
    await ended;
    await expect(fetch(`${origin}/health`)).rejects.toThrow();
  });

  it('passes requests on to a URL without asking for a stack, in the region of its name', async () => {
    const { lines } = await start({ url: 'https://abc.lambda-url.us-west-2.on.aws/' });

    expect(lines).toHaveLength(3);
    expect(cloudFormation.calls()).toEqual([]);
  });

  it('warns when other machines can use the port', async () => {
    const { url } = await startFunctionUrl(ifSigned(answer(200, 'ok')));
    const { lines } = await start({ url, host: '0.0.0.0' });

    expect(lines.join('\n')).toContain('Every machine that reaches 0.0.0.0 can use this port');
  });

  it.each([
    ['is missing', noStack('gguf-lambda-dev'), "deploy it with 'npm run deploy -- --environment dev'"],
    ['has no URL', stackOf('CREATE_COMPLETE'), 'has no output StreamUrl'],
    [
      'has a public URL',
      stackOf('CREATE_COMPLETE', { StreamUrl: 'https://a.example/', StreamAuth: 'NONE' }),
      'use https://a.example/v1 with the API key itself',
    ],
  ])('says when the stack %s', async (_, described, message) => {
    if (described instanceof Error) cloudFormation.on(DescribeStacksCommand).rejects(described);
    else cloudFormation.on(DescribeStacksCommand).resolves(described);

    expect(await failureOf(start({}))).toMatchObject({
      code: 'no-private-url',
      message: expect.stringContaining(message),
    });
  });

  it('refuses what is no URL and no port', async () => {
    expect(await failureOf(start({ url: 'abc' }))).toMatchObject({ code: 'no-private-url' });
    expect(await failureOf(start({ url: 'http://a.example/', port: 'x' }))).toMatchObject({
      code: 'cannot-listen',
    });
  });

  it('says when the port is in use', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;

    expect((await failureOf(start({ url: 'http://a.example/', port: String(port) }))).message).toContain(
      `Cannot listen on 127.0.0.1 port ${port}: the port is in use, choose another one with --port.`,
    );
  });

  it('says when there are no credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
      vi.stubEnv(name, undefined);

    expect(await failureOf(start({ url: 'http://a.example/' }))).toMatchObject({ code: 'no-credentials' });
  });
});
