import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  ListMapRunsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { toBatchFailure } from '../../../../tools/batch/failure.ts';
import { fetchResults } from '../../../../tools/batch/fetch.ts';
import { cancelRun, describeLastRun, resumeRun, toStatusLine } from '../../../../tools/batch/runs.ts';
import { connectStack } from '../../../../tools/batch/stack.ts';
import { type BatchPlan, submitFile } from '../../../../tools/batch/submit.ts';
import { toLine } from '../../batch/requests.ts';

const cloudFormation = mockClient(CloudFormationClient);
const s3 = mockClient(S3Client);
const stepFunctions = mockClient(SFNClient);
const stateMachine = 'arn:aws:states:eu-central-1:123456789012:stateMachine:batch';
const execution = (name: string) => `arn:aws:states:eu-central-1:123456789012:execution:batch:${name}`;
const input = JSON.stringify({
  batch: 'b',
  linesPerChunk: 50,
  concurrency: 3,
  endAt: '2026-11-25T00:00:00.000Z',
});

beforeEach(() => {
  for (const client of [cloudFormation, s3, stepFunctions]) client.reset();
  cloudFormation.on(DescribeStacksCommand).resolves({
    Stacks: [
      {
        StackName: 's',
        CreationTime: new Date(0),
        StackStatus: 'CREATE_COMPLETE',
        Outputs: [
          { OutputKey: 'BatchBucket', OutputValue: 'bucket' },
          { OutputKey: 'BatchStateMachine', OutputValue: stateMachine },
        ],
        Parameters: [
          { ParameterKey: 'BatchMemorySize', ParameterValue: '1024' },
          { ParameterKey: 'Architecture', ParameterValue: 'x86_64' },
        ],
      },
    ],
  });
  s3.on(HeadObjectCommand).rejects(Object.assign(new Error('Not found'), { name: 'NotFound' }));
  s3.on(PutObjectCommand).resolves({});
  stepFunctions.on(StartExecutionCommand).resolves({});
  stepFunctions.on(StopExecutionCommand).resolves({});
  stepFunctions.on(ListMapRunsCommand).resolves({ mapRuns: [] });
  stepFunctions
    .on(DescribeExecutionCommand)
    .rejects(new ExecutionDoesNotExist({ message: 'None', $metadata: {} }));
});

const connect = () => connectStack({ stack: 's', region: 'eu-central-1' });

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'batches-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'my requests.jsonl');
  writeFileSync(file, text);
  return file;
}

/** Submits a file; returns what was planned, and whether it was submitted now. */
async function submit(file: string, options: { id?: string; signal?: AbortSignal } = {}) {
  let planned: BatchPlan | undefined;
  const isNew = await submitFile(file, await connect(), {
    concurrency: 10,
    hours: 1,
    linesPerChunk: 50,
    signal: new AbortController().signal,
    onPlanned: (plan) => {
      planned = plan;
    },
    onProgress: () => {},
    ...options,
  });
  if (planned === undefined) throw new Error('Nothing was planned.');
  return { ...planned, isNew };
}

function run(name: string, status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED', more: object = {}): void {
  stepFunctions
    .on(DescribeExecutionCommand, { executionArn: execution(name) })
    .resolves({ executionArn: execution(name), status, input, ...more });
}

describe('a stack', () => {
  it('that is not there, or is another one, is said so', async () => {
    cloudFormation
      .on(DescribeStacksCommand)
      .rejectsOnce(Object.assign(new Error('no'), { name: 'ValidationError' }));
    await expect(connect()).rejects.toThrow(
      'There is no stack s here: deploy it, or pass --stack and --region.',
    );
    cloudFormation.on(DescribeStacksCommand).resolves({
      Stacks: [{ StackName: 's', CreationTime: new Date(0), StackStatus: 'CREATE_COMPLETE', Outputs: [] }],
    });
    await expect(connect()).rejects.toThrow('has no output BatchBucket');
  });

  it.each([
    ['ExpiredTokenException', /^The AWS credentials have expired: .* \(Old/],
    ['AccessDenied', /^These credentials may not work on the batches of this stack: /],
    ['ThrottlingException', /^AWS gets too many requests from this account .*: try again in a minute\.$/],
    ['Odd', /^Unexpected failure: Old/],
  ])('that AWS does not tell of fails with one line: %s', async (name, line) => {
    cloudFormation.on(DescribeStacksCommand).rejects(Object.assign(new Error('Old.\nMore'), { name }));

    expect(await connect().catch(toBatchFailure)).toMatch(line);
  });
});

describe('a file that is submitted', () => {
  it('is uploaded with its digest, and its run started', async () => {
    const file = fileWith(`${toLine('a')}\n{\n${toLine('b')}\n`);
    const submitted = await submit(file);

    expect(submitted).toMatchObject({
      id: expect.stringMatching(/^my-requests-[a-f0-9]{12}$/),
      isNew: true,
      lines: 3,
      wrong: { count: 1, first: 'line 2: The request body is not valid JSON at character 1.' },
    });
    // Ten environments of a gigabyte for an hour and a quarter, at $0.0000166667 a second, four objects and five transitions.
    expect(submitted.mostDollars).toBeCloseTo(45_000 * 0.0000166667 + 4 * 0.000005 + 5 * 0.000025, 6);
    const upload = s3.commandCalls(PutObjectCommand)[0]?.args[0].input;
    expect(upload).toMatchObject({
      Bucket: 'bucket',
      Key: `batches/${submitted.id}/input.jsonl`,
      Metadata: { sha256: expect.stringMatching(/^[a-f0-9]{64}$/) },
    });
    const start = stepFunctions.commandCalls(StartExecutionCommand)[0]?.args[0].input;
    expect(start?.name).toBe(submitted.id);
    expect(JSON.parse(start?.input ?? '')).toMatchObject({
      batch: submitted.id,
      linesPerChunk: 50,
      concurrency: 10,
    });
  });

  it('twice is uploaded and run once', async () => {
    const file = fileWith(`${toLine('a')}\n`);
    const first = await submit(file);
    const upload = s3.commandCalls(PutObjectCommand)[0]?.args[0].input;
    s3.on(HeadObjectCommand, { Key: `batches/${first.id}/input.jsonl` }).resolves({
      Metadata: upload?.Metadata ?? {},
    });
    stepFunctions
      .on(StartExecutionCommand)
      .rejects(new ExecutionAlreadyExists({ message: 'It does', $metadata: {} }));

    const again = await submit(file);

    expect(again).toMatchObject({ id: first.id, isNew: false });
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(1);
  });

  it.each([
    ['', {}, 'has no lines.'],
    ['{\n', {}, 'has no request: line 1: The request body is not valid JSON'],
    [`${toLine('a')}\n`, { id: 'a b' }, 'A batch cannot be called a b'],
  ])('%j with %o is refused', async (text, options, message) => {
    await expect(submit(fileWith(text), options)).rejects.toThrow(message);
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('is not started when that is interrupted', async () => {
    const signal = AbortSignal.abort(new Error('Enough.'));

    await expect(submit(fileWith(`${toLine('a')}\n`), { signal })).rejects.toThrow();
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(0);
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('whose results are there is not run again, though its run is forgotten', async () => {
    const file = fileWith(`${toLine('a')}\n`);
    await submit(file);
    const upload = s3.commandCalls(PutObjectCommand)[0]?.args[0].input;
    s3.on(HeadObjectCommand).resolves({ Metadata: upload?.Metadata ?? {} });
    stepFunctions.resetHistory();

    expect(await submit(file)).toMatchObject({ isNew: false });
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('under the name of another one is refused', async () => {
    s3.on(HeadObjectCommand).resolves({ Metadata: { sha256: 'other' } });

    await expect(
      submit(
        fileWith(`${toLine('a')}
`),
        { id: 'taken' },
      ),
    ).rejects.toThrow('taken is the batch of another file: choose another --id.');
  });
});

describe('a batch', () => {
  it('that was never submitted is said so', async () => {
    await expect(describeLastRun('b', await connect())).rejects.toThrow('There is no batch b.');
  });

  it.each([
    ['RUNNING', {}, 'b: running.'],
    ['SUCCEEDED', { output: '{"answered": 7, "failed": 1}' }, 'b: done, 7 lines answered, 1 failed.'],
    ['ABORTED', {}, 'b: cancelled.'],
    [
      'FAILED',
      { error: 'OutOfTime', cause: 'Time was up.' },
      'b: FAILED: Time was up.. What was answered is kept: resume it.',
    ],
  ] as const)('that is %s is told in a line', async (status, more, line) => {
    run('b', status, more);

    expect(toStatusLine(await describeLastRun('b', await connect()))).toBe(line);
  });

  it('tells its chunks, of its last run', async () => {
    run('b', 'ABORTED');
    run('b.run-2', 'RUNNING');
    stepFunctions.on(ListMapRunsCommand, { executionArn: execution('b.run-2') }).resolves({
      mapRuns: [{ mapRunArn: 'map', executionArn: '', stateMachineArn: '', startDate: new Date(0) }],
    });
    stepFunctions
      .on(DescribeMapRunCommand)
      .resolves({ itemCounts: { succeeded: 3, total: 20, failed: 0 } as never });

    expect(toStatusLine(await describeLastRun('b', await connect()))).toBe(
      'b, run 2: running, 3 of 20 chunks done.',
    );
  });

  it('is cancelled while it runs', async () => {
    run('b', 'RUNNING');
    await cancelRun('b', await connect());
    expect(stepFunctions.commandCalls(StopExecutionCommand)[0]?.args[0].input).toEqual({
      executionArn: execution('b'),
    });

    run('b', 'SUCCEEDED', { output: '{}' });
    await expect(cancelRun('b', await connect())).rejects.toThrow('b is over already: SUCCEEDED.');
  });

  it('is resumed by another run of the same input, when it is over and not done', async () => {
    run('b', 'FAILED');
    await resumeRun('b', 2, await connect());
    const { name, input: resumed } =
      stepFunctions.commandCalls(StartExecutionCommand)[0]?.args[0].input ?? {};
    expect(name).toBe('b.run-2');
    expect(JSON.parse(resumed ?? '')).toEqual({
      ...JSON.parse(input),
      endAt: expect.stringMatching(/^20\d\d-/),
    });

    run('b', 'RUNNING');
    await expect(resumeRun('b', 2, await connect())).rejects.toThrow('b is running.');
    run('b', 'SUCCEEDED', { output: '{}' });
    await expect(resumeRun('b', 2, await connect())).rejects.toThrow('there is nothing to resume');
  });

  it('has nothing to fetch before it is done', async () => {
    run('b', 'RUNNING');

    await expect(
      fetchResults('b', await connect(), '/nowhere', {
        signal: new AbortController().signal,
        onProgress: () => {},
      }),
    ).rejects.toThrow('b: running.');
  });
});
