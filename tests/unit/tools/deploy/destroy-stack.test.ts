import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type ExecutionListItem, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { destroyStack } from '../../../../tools/deploy/destroy-stack.ts';
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

const sts = mockClient(STSClient);
const s3 = mockClient(S3Client);
const cloudFormation = mockClient(CloudFormationClient);
const stepFunctions = mockClient(SFNClient);
const name = 'gguf-lambda-dev';
const stateMachine = 'arn:aws:states:eu-central-1:123456789012:stateMachine:gguf-lambda-dev-batch';
const outputs = {
  BatchStateMachine: stateMachine,
  BatchBucket: 'batches',
  BatchQueue: 'gguf-lambda-dev-batches',
};
const deletion = `sam delete --no-prompts --stack-name ${name} --region ${region}`;

beforeEach(() => {
  for (const client of [sts, s3, cloudFormation, stepFunctions]) client.reset();
  stepFunctions.on(ListExecutionsCommand).resolves({ executions: [] });
  sts.on(GetCallerIdentityCommand).resolves(caller);
  const versions = [
    { Key: 'a', VersionId: '2', IsLatest: true },
    { Key: 'a', VersionId: '1', IsLatest: false },
  ];
  // The first listing counts, the second deletes, and later ones find nothing.
  s3.on(ListObjectVersionsCommand)
    .resolvesOnce({ Versions: versions })
    .resolvesOnce({ Versions: versions })
    .resolves({});
  s3.on(ListMultipartUploadsCommand).resolves({});
  s3.on(DeleteObjectsCommand).resolves({});
});

/** Stubs a stack that exists until it is deleted. */
function stubStack(described = stackOf('CREATE_COMPLETE', outputs)) {
  cloudFormation.on(DescribeStacksCommand).resolvesOnce(described).rejects(noStack(name));
}

function stubSam(script = '') {
  stubCredentials();
  return fakeCommands({ sam: script });
}

describe('destroyStack', () => {
  it('lists the resources, asks, empties the bucket and deletes the stack', async () => {
    const { calls } = stubSam();
    stubStack();
    const questions: string[] = [];
    const { deployEnvironment, lines } = fakeDeployEnvironment({
      confirm: async (question) => {
        expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
        questions.push(question);
        return true;
      },
    });

    await destroyStack({ environment: 'dev' }, deployEnvironment);

    expect(questions).toEqual(['Delete gguf-lambda-dev in eu-central-1 permanently?']);
    expect(lines.slice(2)).toEqual([
      'This deletes the stack gguf-lambda-dev: its functions, their URLs and logs, the image repositories with their images, the batch bucket batches with 1 object and 1 noncurrent and the batch queue gguf-lambda-dev-batches with its dead letters.',
      'Emptying the bucket batches.',
      'Deleting gguf-lambda-dev.',
      'gguf-lambda-dev is deleted.',
    ]);
    expect(s3.commandCalls(DeleteObjectsCommand).map((call) => call.args[0].input.Bucket)).toEqual([
      'batches',
    ]);
    expect(calls()).toEqual(['sam --version', deletion]);
  });

  it('lists and empties the buckets of conversations and responses too', async () => {
    const { calls } = stubSam();
    stubStack(
      stackOf('CREATE_COMPLETE', { ...outputs, ConversationBucket: 'states', ResponseBucket: 'responses' }),
    );
    for (const Bucket of ['batches', 'states', 'responses']) {
      const page = { Versions: [{ Key: 'a', VersionId: 'null', IsLatest: true }] };
      s3.on(ListObjectVersionsCommand, { Bucket }).resolvesOnce(page).resolvesOnce(page).resolves({});
    }
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    await destroyStack({ environment: 'dev' }, deployEnvironment);

    expect(lines.find((line) => line.startsWith('This deletes'))).toContain(
      'the bucket of conversations states with 1 object, the bucket of responses responses with 1 object and the batch queue',
    );
    expect(s3.commandCalls(DeleteObjectsCommand).map((call) => call.args[0].input.Bucket)).toEqual([
      'batches',
      'states',
      'responses',
    ]);
    expect(calls()).toContain(deletion);
  });

  it('deletes nothing when the user answers no', async () => {
    const { calls } = stubSam();
    stubStack();

    const failure = await failureOf(
      destroyStack(
        { environment: 'dev' },
        fakeDeployEnvironment({ confirm: async () => false }).deployEnvironment,
      ),
    );

    expect(failure).toMatchObject({ code: 'declined', message: 'Nothing was deleted.' });
    expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
    expect(calls()).toEqual([]);
  });

  it.each([
    ['orders-1', 'orders-1'],
    ['orders-1.run-2', 'orders-1'],
  ])(
    'deletes nothing while the execution %s runs, and says how to cancel the batch',
    async (execution, batch) => {
      const { calls } = stubSam();
      stubStack();
      stepFunctions
        .on(ListExecutionsCommand, { stateMachineArn: stateMachine, statusFilter: 'RUNNING' })
        .resolves({ executions: [{ name: execution } as ExecutionListItem] });
      const { deployEnvironment } = fakeDeployEnvironment();

      expect(
        await failureOf(destroyStack({ environment: 'dev', yes: true }, deployEnvironment)),
      ).toMatchObject({
        code: 'unusable-stack',
        message: `The batch ${batch} of gguf-lambda-dev is running: wait until it ends, or run 'npm run batch -- cancel ${batch} --environment dev --region ${region}' and wait 15 minutes for the requests in progress.`,
      });
      expect(calls()).not.toContain(deletion);
      expect(s3.commandCalls(DeleteObjectsCommand)).toHaveLength(0);
    },
  );

  it('deletes without a question after --yes', async () => {
    const { calls } = stubSam();
    stubStack();
    const { deployEnvironment } = fakeDeployEnvironment({ isInteractive: false, confirm: async () => false });

    await destroyStack({ environment: 'dev', yes: true }, deployEnvironment);

    expect(calls()).toContain(deletion);
  });

  it('throws no-terminal without a terminal and without --yes, before any request', async () => {
    const failure = await failureOf(
      destroyStack({ environment: 'dev' }, fakeDeployEnvironment({ isInteractive: false }).deployEnvironment),
    );

    expect(failure).toMatchObject({ code: 'no-terminal' });
    expect(sts.calls()).toEqual([]);
  });

  it('succeeds with a message when there is no stack', async () => {
    const { calls } = stubSam();
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));
    const { deployEnvironment, lines } = fakeDeployEnvironment();

    await destroyStack({ environment: 'dev' }, deployEnvironment);

    expect(lines.at(-1)).toBe('There is no stack gguf-lambda-dev in eu-central-1: nothing to delete.');
    expect(calls()).toEqual([]);
  });

  it('sends no request to S3 when the stack has no bucket', async () => {
    const { calls } = stubSam();
    stubStack(stackOf('ROLLBACK_COMPLETE'));

    await destroyStack({ environment: 'dev' }, fakeDeployEnvironment().deployEnvironment);

    expect(s3.calls()).toEqual([]);
    expect(calls()).toContain(deletion);
  });

  it.each([
    ['is being updated', stackOf('UPDATE_IN_PROGRESS', outputs), /has an operation in progress/],
    [
      'is protected',
      {
        Stacks: stackOf('CREATE_COMPLETE', outputs).Stacks.map((each) => ({
          ...each,
          EnableTerminationProtection: true,
        })),
      },
      /is protected from deletion/,
    ],
  ])('keeps the batches of a stack that %s', async (_, described, message) => {
    const { calls } = stubSam();
    stubStack(described);

    expect(
      await failureOf(
        destroyStack({ environment: 'dev', yes: true }, fakeDeployEnvironment().deployEnvironment),
      ),
    ).toMatchObject({
      code: 'unusable-stack',
      message: expect.stringMatching(message),
    });
    expect(s3.calls()).toEqual([]);
    expect(calls()).toEqual([]);
  });

  it('keeps the stack when emptying its bucket fails', async () => {
    const { calls } = stubSam();
    stubStack();
    s3.on(DeleteObjectsCommand).rejects(awsError('AccessDenied', 403));

    expect(
      await failureOf(
        destroyStack({ environment: 'dev', yes: true }, fakeDeployEnvironment().deployEnvironment),
      ),
    ).toMatchObject({
      code: 'denied',
    });
    expect(calls()).not.toContain(deletion);
  });

  it('fails when the stack still exists after the deletion', async () => {
    stubSam();
    cloudFormation.on(DescribeStacksCommand).resolves(stackOf('DELETE_FAILED', outputs));

    expect(
      await failureOf(
        destroyStack({ environment: 'dev', yes: true }, fakeDeployEnvironment().deployEnvironment),
      ),
    ).toMatchObject({
      code: 'unusable-stack',
      message: expect.stringContaining('gguf-lambda-dev still exists'),
    });
  });

  it('throws sam-failed when sam delete fails', async () => {
    stubSam('test "$1" != delete');
    stubStack();

    expect(
      await failureOf(
        destroyStack({ environment: 'dev', yes: true }, fakeDeployEnvironment().deployEnvironment),
      ),
    ).toMatchObject({
      code: 'sam-failed',
    });
  });
});
