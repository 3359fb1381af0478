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
  noStack,
  region,
  stackOf,
  stubCredentials,
  surroundings,
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
  // Counted, deleted, and gone.
  s3.on(ListObjectVersionsCommand)
    .resolvesOnce({ Versions: versions })
    .resolvesOnce({ Versions: versions })
    .resolves({});
  s3.on(ListMultipartUploadsCommand).resolves({});
  s3.on(DeleteObjectsCommand).resolves({});
});

/** A stack that is there until it is deleted. */
function stack(described = stackOf('CREATE_COMPLETE', outputs)) {
  cloudFormation.on(DescribeStacksCommand).resolvesOnce(described).rejects(noStack(name));
}

function sam(script = '') {
  stubCredentials();
  return fakeCommands({ sam: script });
}

describe('destroying', () => {
  it('tells what goes, asks, empties the bucket and deletes the stack', async () => {
    const { calls } = sam();
    stack();
    const questions: string[] = [];
    const { around, lines } = surroundings({
      ask: async (question) => {
        expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
        questions.push(question);
        return true;
      },
    });

    await destroyStack({ environment: 'dev' }, around);

    expect(questions).toEqual(['Delete gguf-lambda-dev in eu-central-1 for good?']);
    expect(lines.slice(2)).toEqual([
      'This deletes the stack gguf-lambda-dev: its functions, their URLs and logs, the image repositories with their images, the batch bucket batches with 1 object and 1 earlier or deleted and the batch queue gguf-lambda-dev-batches with its dead letters.',
      'Emptying the bucket batches.',
      'Deleting gguf-lambda-dev.',
      'gguf-lambda-dev is deleted.',
    ]);
    expect(s3.commandCalls(DeleteObjectsCommand).map((call) => call.args[0].input.Bucket)).toEqual([
      'batches',
    ]);
    expect(calls()).toEqual(['sam --version', deletion]);
  });

  it('deletes nothing where the answer is no', async () => {
    const { calls } = sam();
    stack();

    const failure = await failureOf(
      destroyStack({ environment: 'dev' }, surroundings({ ask: async () => false }).around),
    );

    expect(failure).toMatchObject({ code: 'declined', message: 'Nothing was deleted.' });
    expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
    expect(calls()).toEqual([]);
  });

  it.each([
    ['orders-1', 'orders-1'],
    ['orders-1.run-2', 'orders-1'],
  ])('deletes nothing while a batch runs, and tells how %s is cancelled', async (execution, batch) => {
    const { calls } = sam();
    stack();
    stepFunctions
      .on(ListExecutionsCommand, { stateMachineArn: stateMachine, statusFilter: 'RUNNING' })
      .resolves({ executions: [{ name: execution } as ExecutionListItem] });
    const { around } = surroundings();

    expect(await failureOf(destroyStack({ environment: 'dev', yes: true }, around))).toMatchObject({
      code: 'unusable-stack',
      message: `The batch ${batch} of gguf-lambda-dev is running: wait for it, or 'npm run batch -- cancel ${batch} --environment dev --region ${region}' and wait a quarter of an hour for what is under way.`,
    });
    expect(calls()).not.toContain(deletion);
    expect(s3.commandCalls(DeleteObjectsCommand)).toHaveLength(0);
  });

  it('asks nothing with --yes', async () => {
    const { calls } = sam();
    stack();
    const { around } = surroundings({ isInteractive: false, ask: async () => false });

    await destroyStack({ environment: 'dev', yes: true }, around);

    expect(calls()).toContain(deletion);
  });

  it('asks for a terminal or --yes, before all else', async () => {
    const failure = await failureOf(
      destroyStack({ environment: 'dev' }, surroundings({ isInteractive: false }).around),
    );

    expect(failure).toMatchObject({ code: 'no-terminal' });
    expect(sts.calls()).toEqual([]);
  });

  it('says when there is no stack, and that is no failure', async () => {
    const { calls } = sam();
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));
    const { around, lines } = surroundings();

    await destroyStack({ environment: 'dev' }, around);

    expect(lines.at(-1)).toBe('There is no stack gguf-lambda-dev in eu-central-1: nothing to delete.');
    expect(calls()).toEqual([]);
  });

  it('touches no bucket where the stack names none', async () => {
    const { calls } = sam();
    stack(stackOf('ROLLBACK_COMPLETE'));

    await destroyStack({ environment: 'dev' }, surroundings().around);

    expect(s3.calls()).toEqual([]);
    expect(calls()).toContain(deletion);
  });

  it.each([
    ['is being changed', stackOf('UPDATE_IN_PROGRESS', outputs), /is being changed/],
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
    const { calls } = sam();
    stack(described);

    expect(
      await failureOf(destroyStack({ environment: 'dev', yes: true }, surroundings().around)),
    ).toMatchObject({
      code: 'unusable-stack',
      message: expect.stringMatching(message),
    });
    expect(s3.calls()).toEqual([]);
    expect(calls()).toEqual([]);
  });

  it('keeps the stack when its bucket cannot be emptied', async () => {
    const { calls } = sam();
    stack();
    s3.on(DeleteObjectsCommand).rejects(awsError('AccessDenied', 403));

    expect(
      await failureOf(destroyStack({ environment: 'dev', yes: true }, surroundings().around)),
    ).toMatchObject({
      code: 'denied',
    });
    expect(calls()).not.toContain(deletion);
  });

  it('fails when the stack is still there', async () => {
    sam();
    cloudFormation.on(DescribeStacksCommand).resolves(stackOf('DELETE_FAILED', outputs));

    expect(
      await failureOf(destroyStack({ environment: 'dev', yes: true }, surroundings().around)),
    ).toMatchObject({
      code: 'unusable-stack',
      message: expect.stringContaining('gguf-lambda-dev is still there'),
    });
  });

  it('fails when the SAM CLI does', async () => {
    sam('test "$1" != delete');
    stack();

    expect(
      await failureOf(destroyStack({ environment: 'dev', yes: true }, surroundings().around)),
    ).toMatchObject({
      code: 'sam-failed',
    });
  });
});
