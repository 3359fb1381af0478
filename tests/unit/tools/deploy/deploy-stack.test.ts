import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { deployStack } from '../../../../tools/deploy/deploy-stack.ts';
import { chooseParameters } from '../../../../tools/deploy/settings.ts';
import { fakeCommands } from './fake-commands.ts';
import {
  awsError,
  caller,
  failureOf,
  fakeDeployEnvironment,
  noStack,
  region,
  stackOf,
  stubCredentials,
} from './fixtures.ts';
import { answer, ifSigned, startFunctionUrl, streamCompletion } from './function-url.ts';

const sts = mockClient(STSClient);
const lambda = mockClient(LambdaClient);
const cloudFormation = mockClient(CloudFormationClient);
const s3 = mockClient(S3Client);
const name = 'gguf-lambda-dev';
const parameter = ['Architecture=x86_64', 'MemorySize=3008', 'BatchMemorySize=3008'];

beforeEach(() => {
  for (const client of [sts, lambda, cloudFormation, s3]) client.reset();
  sts.on(GetCallerIdentityCommand).resolves(caller);
  lambda.on(GetAccountSettingsCommand).resolves({
    AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 1000 },
  });
});

/** Fakes docker and sam; the SAM command named `failing` exits with code 1. */
function stubCommands(failing = 'nothing') {
  stubCredentials();
  return fakeCommands({
    docker: 'test "$1" != version || echo amd64',
    sam: `test "$1" != ${failing}`,
  });
}

/** Stubs a stack that exists only after the deployment and has a working URL. */
async function stubNewStack() {
  const { url, received } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
  cloudFormation
    .on(DescribeStacksCommand, { StackName: name })
    .rejectsOnce(noStack(name))
    .resolves(stackOf('CREATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM' }));
  return { url, received };
}

/** Returns the SAM commands, without the check of the version. */
function samCalls(calls: readonly string[]): readonly string[] {
  return calls.filter((call) => call.startsWith('sam ') && call !== 'sam --version');
}

describe('deployStack', () => {
  it('checks, builds, deploys and requests a completion, in this order', async () => {
    const { calls } = stubCommands();
    const { url } = await stubNewStack();
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    await deployStack({ environment: 'dev', parameter }, deployEnvironment);

    const overrides = Object.entries(chooseParameters('dev', parameter, { region })).map(
      ([key, value]) => `${key}="${value}"`,
    );
    const built = `.aws-sam/gguf-lambda-dev-${region}/build`;
    const samConfiguration = join(import.meta.dirname, '../../../../infra/samconfig.toml');
    expect(calls()).toEqual([
      'docker info',
      'docker version --format {{.Server.Arch}}',
      'sam --version',
      `sam build --template infra/template.yaml --build-dir ${built} --region ${region} --parameter-overrides ${overrides.join(' ')}`,
      `sam deploy --template-file ${built}/template.yaml --config-file ${samConfiguration} --config-env dev --region ${region} --confirm-changeset --no-fail-on-empty-changeset --parameter-overrides ${overrides.join(' ')}`,
    ]);
    expect(overrides).toContain('Architecture="x86_64"');
    expect(lines).toEqual([
      'Account: 111122223333, as arn:aws:iam::111122223333:user/deployer.',
      'Region: eu-central-1.',
      'Container engine: builds for x86_64.',
      "Concurrency: 1000 of the account's 1000 concurrent executions are unreserved; this deployment reserves 0.",
      'Parameters: all are new.',
      'Building the images.',
      'Deploying gguf-lambda-dev; the changes are shown for confirmation first.',
      'Outputs of gguf-lambda-dev:',
      `StreamUrl   ${url}\nStreamAuth  AWS_IAM`,
      'Requesting a completion; the first one starts a function.',
      expect.stringMatching(/^Completed "The capital of France is" with " París\." in \d+\.\d s\.$/),
    ]);
  });

  it('deploys the named environment and region without a question after --yes', async () => {
    const { calls } = stubCommands();
    const { url } = await startFunctionUrl(streamCompletion('é'));
    cloudFormation
      .on(DescribeStacksCommand, { StackName: 'gguf-lambda-prod' })
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }));
    const { deployEnvironment } = fakeDeployEnvironment({ isInteractive: false });

    await deployStack({ environment: 'prod', region: 'us-east-1', parameter, yes: true }, deployEnvironment);

    const [build, deploy] = samCalls(calls());
    expect(build).toContain('--build-dir .aws-sam/gguf-lambda-prod-us-east-1/build --region us-east-1');
    expect(deploy).toContain('--template-file .aws-sam/gguf-lambda-prod-us-east-1/build/template.yaml');
    expect(deploy).toContain('--config-env prod --region us-east-1 --no-confirm-changeset');
  });

  it('prints the parameters that change', async () => {
    stubCommands();
    const { url } = await startFunctionUrl(streamCompletion('é'));
    const before = { ...chooseParameters('dev', parameter, { region }), MemorySize: '2048' };
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }, before));
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    await deployStack({ environment: 'dev', parameter }, deployEnvironment);

    expect(lines).toContain('Parameters: MemorySize from 2048 to 3008; all others are unchanged.');
  });

  it('says when the stack was not changed', async () => {
    stubCommands();
    const { url } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM' }));
    const { deployEnvironment, lines } = fakeDeployEnvironment();
    await deployStack({ environment: 'dev', parameter }, deployEnvironment);

    expect(lines).toContain('gguf-lambda-dev was not changed: there are no changes, or they were declined.');
  });

  it('keeps the bucket of conversations that the stack still has', async () => {
    stubCommands();
    const { url } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(
        stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM', ConversationBucket: 'states' }),
      );
    const confirm = vi.fn(async () => false);
    const { deployEnvironment } = fakeDeployEnvironment({ confirm });

    await deployStack(
      { environment: 'dev', parameter: [...parameter, 'CacheBucket=true'] },
      deployEnvironment,
    );

    expect(confirm).not.toHaveBeenCalled();

    expect(s3.calls()).toEqual([]);
  });

  it('throws declined when the first change set is declined', async () => {
    stubCommands();
    cloudFormation
      .on(DescribeStacksCommand)
      .rejectsOnce(noStack(name))
      .resolves(stackOf('REVIEW_IN_PROGRESS'));

    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter }, fakeDeployEnvironment().deployEnvironment),
    );

    expect(failure).toMatchObject({
      code: 'declined',
      message: expect.stringContaining('npm run destroy -- --environment dev'),
    });
  });

  it('throws no-answer when the deployment fails all requests', async () => {
    stubCommands();
    const { url } = await startFunctionUrl(answer(500, 'It broke.'));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(stackOf('CREATE_COMPLETE', { StreamUrl: url, StreamAuth: 'NONE' }));
    const { deployEnvironment, delays } = fakeDeployEnvironment();

    expect(await failureOf(deployStack({ environment: 'dev', parameter }, deployEnvironment))).toMatchObject({
      code: 'no-answer',
      message: 'gguf-lambda-dev is deployed, but its first request failed: 500 It broke.',
    });
    expect(delays.reduce((sum, each) => sum + each)).toBe(60_000);
  });
});

describe('deployStack, when the stack loses a bucket', () => {
  /** Stubs a stack whose bucket has three objects and is gone after the deployment. */
  async function stubLoss(output = 'ResponseBucket', answerRequest = ifSigned(streamCompletion(' París.'))) {
    const { calls } = stubCommands();
    const { url } = await startFunctionUrl(answerRequest);
    const outputs = { StreamUrl: url, StreamAuth: 'AWS_IAM' };
    cloudFormation
      .on(DescribeStacksCommand)
      .resolvesOnce(stackOf('UPDATE_COMPLETE', { ...outputs, [output]: 'kept' }))
      .resolves(stackOf('UPDATE_COMPLETE', outputs));
    const Versions = ['a', 'b', 'c'].map((Key) => ({ Key, VersionId: 'null', IsLatest: true }));
    // The first listing counts, the second deletes.
    s3.on(ListObjectVersionsCommand).resolvesOnce({ Versions }).resolvesOnce({ Versions }).resolves({});
    s3.on(ListMultipartUploadsCommand).resolves({});
    s3.on(DeleteObjectsCommand).resolves({});
    s3.on(DeleteBucketCommand).resolves({});
    return { calls };
  }
  const deletedBuckets = () => s3.commandCalls(DeleteBucketCommand).map(({ args: [{ input }] }) => input);

  it.each([
    ['ConversationBucket', 'CacheBucket', 'bucket of conversations'],
    ['ResponseBucket', 'ResponsesBucket', 'bucket of responses'],
  ])('says what is deleted and asks, and deletes the %s at the end', async (output, name, purpose) => {
    await stubLoss(output);
    const confirm = vi.fn(async () => true);
    const { deployEnvironment, lines } = fakeDeployEnvironment({ confirm });

    await deployStack({ environment: 'dev', parameter }, deployEnvironment);

    const loss = `This deletes the ${purpose} kept with 3 objects, because ${name} is no longer true; --parameter ${name}=true keeps it.`;
    expect(lines.indexOf(loss)).toBe(lines.indexOf('Building the images.') - 1);
    expect(confirm).toHaveBeenCalledExactlyOnceWith('Delete kept with all that is in it?');
    expect(lines.slice(-2)).toEqual([
      expect.stringMatching(/^Completed /),
      `Deleting the ${purpose} kept, which the stack no longer has.`,
    ]);
    expect(deletedBuckets()).toEqual([{ Bucket: 'kept', ExpectedBucketOwner: caller.Account }]);
  });

  it('builds nothing when the deletion is declined', async () => {
    const { calls } = await stubLoss();
    const { deployEnvironment } = fakeDeployEnvironment({ confirm: async () => false });

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, deployEnvironment));

    expect(failure).toMatchObject({
      code: 'declined',
      message: 'Nothing was deployed or deleted. --parameter ResponsesBucket=true keeps it.',
    });
    expect(samCalls(calls())).toEqual([]);
  });

  it('builds nothing with --yes alone', async () => {
    const { calls } = await stubLoss();
    const { deployEnvironment } = fakeDeployEnvironment({ isInteractive: false });

    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter, yes: true }, deployEnvironment),
    );

    expect(failure).toMatchObject({
      code: 'unnamed-deletion',
      message: expect.stringMatching(
        /^This deletes the bucket of responses kept with 3 objects, .*ResponsesBucket=true keeps it, .*ResponsesBucket=false deletes it\.$/,
      ),
    });
    expect(samCalls(calls())).toEqual([]);
  });

  it('deletes it without a question with --yes and the parameter on the command line', async () => {
    await stubLoss();
    const confirm = vi.fn(async () => false);
    const { deployEnvironment } = fakeDeployEnvironment({ isInteractive: false, confirm });

    await deployStack(
      { environment: 'dev', parameter: [...parameter, 'ResponsesBucket=false'], yes: true },
      deployEnvironment,
    );

    expect(confirm).not.toHaveBeenCalled();
    expect(deletedBuckets()).toHaveLength(1);
  });

  it('says what is left after a failed deletion, behind the outputs and the first request', async () => {
    await stubLoss();
    s3.on(DeleteBucketCommand).rejects(awsError('AccessDenied', 403));
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, deployEnvironment));

    expect(failure).toMatchObject({
      code: 'bucket-left',
      message: expect.stringMatching(
        /^The bucket of responses kept is left, .*'aws s3 rb s3:\/\/kept --force --region eu-central-1' \(.*s3:DeleteBucket/,
      ),
    });
    expect(lines).toContain('Outputs of gguf-lambda-dev:');
    expect(lines).toContainEqual(expect.stringMatching(/^Completed /));
  });

  it('deletes it after a failed first request too, and says both when both fail', async () => {
    await stubLoss('ResponseBucket', answer(500, 'It broke.'));
    s3.on(DeleteBucketCommand).rejects(awsError('AccessDenied', 403));
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    const failure = await failureOf(deployStack({ environment: 'dev', parameter }, deployEnvironment));

    expect(failure).toMatchObject({ code: 'no-answer' });
    expect(deletedBuckets()).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^The bucket of responses kept is left/);
  });

  it('deletes nothing when the changes of the stack are declined', async () => {
    await stubLoss();
    const { url } = await startFunctionUrl(ifSigned(streamCompletion(' París.')));
    cloudFormation
      .on(DescribeStacksCommand)
      .resolves(
        stackOf('UPDATE_COMPLETE', { StreamUrl: url, StreamAuth: 'AWS_IAM', ResponseBucket: 'kept' }),
      );

    await deployStack({ environment: 'dev', parameter }, fakeDeployEnvironment().deployEnvironment);

    expect(deletedBuckets()).toEqual([]);
  });
});

describe('deployStack, before the build', () => {
  /** Runs a deployment that must fail, and returns its failure with the commands that were run. */
  async function failingDeployment(options: Partial<Parameters<typeof deployStack>[0]> = {}, overrides = {}) {
    const { calls } = stubCommands();
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));
    const { deployEnvironment } = fakeDeployEnvironment(overrides);
    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter, ...options }, deployEnvironment),
    );
    return { failure, calls: calls() };
  }

  it('throws no-terminal without a terminal and without --yes, before any other check', async () => {
    const { failure, calls } = await failingDeployment({ parameter: ['X=1'] }, { isInteractive: false });

    expect(failure).toMatchObject({ code: 'no-terminal', message: expect.stringContaining('--yes') });
    expect(calls).toEqual([]);
  });

  it('rejects an unknown parameter before any request to AWS', async () => {
    const { failure, calls } = await failingDeployment({ parameter: ['Memory=1'] });

    expect(failure).toMatchObject({ code: 'unknown-parameter' });
    expect(sts.calls()).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('throws expired-credentials when AWS reports an expired token', async () => {
    sts.on(GetCallerIdentityCommand).rejects(awsError('ExpiredToken', 403));

    const { failure, calls } = await failingDeployment();

    expect(failure).toMatchObject({ code: 'expired-credentials' });
    expect(calls).toEqual([]);
  });

  it('rejects a reservation above the quota of the account', async () => {
    const { failure, calls } = await failingDeployment({
      parameter: [...parameter, 'ReservedConcurrency=950'],
    });

    expect(failure).toMatchObject({ code: 'no-concurrency' });
    expect(samCalls(calls)).toEqual([]);
  });

  it('rejects a stack that CloudFormation cannot update', async () => {
    const { calls } = stubCommands();
    cloudFormation.on(DescribeStacksCommand).resolves(stackOf('ROLLBACK_COMPLETE'));

    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter }, fakeDeployEnvironment().deployEnvironment),
    );

    expect(failure).toMatchObject({ code: 'unusable-stack' });
    expect(samCalls(calls())).toEqual([]);
  });
});

describe('deployStack, when the SAM CLI fails', () => {
  it('does not deploy after a failed build', async () => {
    const { calls } = stubCommands('build');
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));

    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter }, fakeDeployEnvironment().deployEnvironment),
    );

    expect(failure).toMatchObject({
      code: 'sam-failed',
      message: 'sam build failed with exit code 1: see its output above.',
    });
    expect(samCalls(calls())).toHaveLength(1);
  });

  it('sends no request after a failed deployment', async () => {
    stubCommands('deploy');
    const { received } = await stubNewStack();

    const failure = await failureOf(
      deployStack({ environment: 'dev', parameter }, fakeDeployEnvironment().deployEnvironment),
    );

    expect(failure).toMatchObject({
      code: 'sam-failed',
      message: expect.stringMatching(/^sam deploy failed/),
    });
    expect(received).toEqual([]);
  });
});
