import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { deployStack } from '../../../../tools/deploy/deploy-stack.ts';
import { chooseParameters } from '../../../../tools/deploy/settings.ts';
import { fakeCommands } from './fake-commands.ts';
import {
  awsError,
  caller,
  failureOf,
  noStack,
  region,
  stackOf,
  stubCredentials,
  surroundings,
} from './fixtures.ts';
import { answer, ifSigned, startFunctionUrl, streamCompletion } from './function-url.ts';

const sts = mockClient(STSClient);
const lambda = mockClient(LambdaClient);
const cloudFormation = mockClient(CloudFormationClient);
const name = 'gguf-lambda-dev';
const parameter = ['Architecture=x86_64', 'MemorySize=3008', 'BatchMemorySize=3008'];

beforeEach(() => {
  for (const client of [sts, lambda, cloudFormation]) client.reset();
  sts.on(GetCallerIdentityCommand).resolves(caller);
  lambda.on(GetAccountSettingsCommand).resolves({
    AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 1000 },
  });
});

/** Commands that do as they should, but those that `fails` names. */
function commands(fails = 'nothing') {
  stubCredentials();
  return fakeCommands({
    docker: 'test "$1" != version || echo amd64',
    sam: `test "$1" != ${fails}`,
  });
}

/** A stack that is made by the deployment, with a URL that answers. */
async function makeStack() {
  const { url, received } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
  cloudFormation
    .on(DescribeStacksCommand, { StackName: name })
    .rejectsOnce(noStack(name))
    .resolves(stackOf('CREATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM' }));
  return { url, received };
}

/** How often the SAM CLI was asked for more than its version. */
function samCalls(calls: readonly string[]): readonly string[] {
  return calls.filter((call) => call.startsWith('sam ') && call !== 'sam --version');
}

describe('deploying', () => {
  it('checks, builds, deploys and asks, in this order', async () => {
    const { calls } = commands();
    const { url } = await makeStack();
    const { around, lines } = surroundings();

    await deployStack({ environment: 'dev', parameter }, around);

    const overrides = Object.entries(chooseParameters('dev', parameter)).map(
      ([key, value]) => `${key}="${value}"`,
    );
    expect(calls()).toEqual([
      'docker info',
      'docker version --format {{.Server.Arch}}',
      'sam --version',
      `sam build --template infra/template.yaml --region ${region} --parameter-overrides ${overrides.join(' ')}`,
      `sam deploy --config-file infra/samconfig.toml --config-env dev --region ${region} --confirm-changeset --no-fail-on-empty-changeset --parameter-overrides ${overrides.join(' ')}`,
    ]);
    expect(overrides).toContain('Architecture="x86_64"');
    expect(lines).toEqual([
      'Account: 111122223333, as arn:aws:iam::111122223333:user/deployer.',
      'Region: eu-central-1.',
      'Container engine: builds for x86_64.',
      "Concurrency: 1000 of the account's 1000 concurrent executions are unreserved, 0 are to be reserved.",
      'Parameters: all are new.',
      'Building the images.',
      'Deploying gguf-lambda-dev; what will change is shown before it is changed.',
      'Outputs of gguf-lambda-dev:',
      `StreamUrl   ${url}\nStreamAuth  AWS_IAM`,
      'Asking for a completion, which starts a function.',
      expect.stringMatching(/^"The capital of France is" goes on with " París\.", after \d+\.\d s\.$/),
    ]);
  });

  it('asks nothing with --yes, in the environment and region that are named', async () => {
    const { calls } = commands();
    const { url } = await startFunctionUrl(streamCompletion('é'));
    cloudFormation
      .on(DescribeStacksCommand, { StackName: 'gguf-lambda-prod' })
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }));
    const { around } = surroundings({ isInteractive: false });

    await deployStack({ environment: 'prod', region: 'us-east-1', parameter, yes: true }, around);

    const [build, deploy] = samCalls(calls());
    expect(build).toContain('--region us-east-1');
    expect(deploy).toContain('--config-env prod --region us-east-1 --no-confirm-changeset');
  });

  it('says which parameters change', async () => {
    commands();
    const { url } = await startFunctionUrl(streamCompletion('é'));
    const before = { ...chooseParameters('dev', parameter), MemorySize: '2048' };
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }, before));
    const { around, lines } = surroundings();

    await deployStack({ environment: 'dev', parameter }, around);

    expect(lines).toContain('Parameters: MemorySize from 2048 to 3008; all others stay as they are.');
  });

  it('says when nothing was changed', async () => {
    commands();
    const { url } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM' }));
    const { around, lines } = surroundings();
    await deployStack({ environment: 'dev', parameter }, around);

    expect(lines).toContain('gguf-lambda-dev was not changed: it is as it was.');
  });

  it('says when a change was declined before there was a stack', async () => {
    commands();
    cloudFormation
      .on(DescribeStacksCommand)
      .rejectsOnce(noStack(name))
      .resolves(stackOf('REVIEW_IN_PROGRESS'));

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, surroundings().around));

    expect(failure).toMatchObject({
      code: 'declined',
      message: expect.stringContaining('npm run destroy -- --environment dev'),
    });
  });

  it('fails where the deployment does not answer', async () => {
    commands();
    const { url } = await startFunctionUrl(answer(500, 'It broke.'));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('CREATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }));
    const { around, delays } = surroundings();

    expect(await failureOf(deployStack({ environment: 'dev', parameter }, around))).toMatchObject({
      code: 'no-answer',
      message: 'gguf-lambda-dev is deployed, but has not answered: 500 It broke.',
    });
    expect(delays.reduce((sum, each) => sum + each)).toBe(60_000);
  });
});

describe('before anything is built', () => {
  /** A deployment that is refused, and what was run until then. */
  async function refused(options: Partial<Parameters<typeof deployStack>[0]> = {}, overrides = {}) {
    const { calls } = commands();
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));
    const { around } = surroundings(overrides);
    const failure = await failureOf(deployStack({ environment: 'dev', parameter, ...options }, around));
    return { failure, calls: calls() };
  }

  it('a terminal or --yes is asked for, before all else', async () => {
    const { failure, calls } = await refused({ parameter: ['X=1'] }, { isInteractive: false });

    expect(failure).toMatchObject({ code: 'no-terminal', message: expect.stringContaining('--yes') });
    expect(calls).toEqual([]);
  });

  it('a wrong parameter is refused, without a word to AWS', async () => {
    const { failure, calls } = await refused({ parameter: ['Memory=1'] });

    expect(failure).toMatchObject({ code: 'unknown-parameter' });
    expect(sts.calls()).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('credentials are asked for', async () => {
    sts.on(GetCallerIdentityCommand).rejects(awsError('ExpiredToken', 403));

    const { failure, calls } = await refused();

    expect(failure).toMatchObject({ code: 'expired-credentials' });
    expect(calls).toEqual([]);
  });

  it('concurrency that the account has not is refused', async () => {
    const { failure, calls } = await refused({ parameter: [...parameter, 'ReservedConcurrency=950'] });

    expect(failure).toMatchObject({ code: 'no-concurrency' });
    expect(samCalls(calls)).toEqual([]);
  });

  it('a stack that cannot be changed is refused', async () => {
    const { calls } = commands();
    cloudFormation.on(DescribeStacksCommand).resolves(stackOf('ROLLBACK_COMPLETE'));

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, surroundings().around));

    expect(failure).toMatchObject({ code: 'unusable-stack' });
    expect(samCalls(calls())).toEqual([]);
  });
});

describe('the SAM CLI', () => {
  it('deploys nothing that it could not build', async () => {
    const { calls } = commands('build');
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, surroundings().around));

    expect(failure).toMatchObject({
      code: 'sam-failed',
      message: 'sam build failed with exit code 1; what it said is above.',
    });
    expect(samCalls(calls())).toHaveLength(1);
  });

  it('fails, and nothing is asked', async () => {
    commands('deploy');
    const { received } = await makeStack();

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, surroundings().around));

    expect(failure).toMatchObject({
      code: 'sam-failed',
      message: expect.stringMatching(/^sam deploy failed/),
    });
    expect(received).toEqual([]);
  });
});
