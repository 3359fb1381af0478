import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { toBatchFailure } from '../../../../tools/batch/failure.ts';
import { fetchResults } from '../../../../tools/batch/fetch.ts';
import { cancelRun, describeLastRun, resumeRun, toStatusLine } from '../../../../tools/batch/runs.ts';
import { connectStack } from '../../../../tools/batch/stack.ts';
import { type BatchPlan, submitFile } from '../../../../tools/batch/submit.ts';
import { toLine } from '../../batch/requests.ts';

const maxLines = 5;
vi.mock(import('../../../../src/batch/files/split.ts'), async (original) => ({
  ...(await original()),
  maxLines: 5 as never,
}));

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

/** Submits a file; returns its plan and the result of `submitFile`. */
async function submit(file: string, options: { id?: string; signal?: AbortSignal } = {}) {
  let planned: BatchPlan | undefined;
  const submission = await submitFile(file, await connect(), {
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
  if (planned === undefined) throw new Error('onPlanned was not called');
  return { ...planned, submission };
}

function run(name: string, status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED', more: object = {}): void {
  stepFunctions
    .on(DescribeExecutionCommand, { executionArn: execution(name) })
    .resolves({ executionArn: execution(name), status, input, ...more });
}

describe('connectStack', () => {
  it('rejects a missing stack and a stack without batches', async () => {
    cloudFormation
      .on(DescribeStacksCommand)
      .rejectsOnce(Object.assign(new Error('no'), { name: 'ValidationError' }));
    await expect(connect()).rejects.toThrow(
      'There is no stack s in this region: deploy it, or set --stack and --region.',
    );
    cloudFormation.on(DescribeStacksCommand).resolves({
      Stacks: [{ StackName: 's', CreationTime: new Date(0), StackStatus: 'CREATE_COMPLETE', Outputs: [] }],
    });
    await expect(connect()).rejects.toThrow('has no output BatchBucket');
  });

  it.each([
    ['ExpiredTokenException', /^The AWS credentials have expired: .* \(Old/],
    ['AccessDenied', /^These credentials lack the permission for the batches of this stack: /],
    ['ThrottlingException', /^AWS throttles the requests of this account .*: try again in a minute\.$/],
    ['Odd', /^Unexpected failure: Old/],
  ])('fails with one line after %s', async (name, line) => {
    cloudFormation.on(DescribeStacksCommand).rejects(Object.assign(new Error('Old.\nMore'), { name }));

    expect(await connect().catch(toBatchFailure)).toMatch(line);
  });
});

describe('submitFile', () => {
  it('uploads the file with its digest and starts a run', async () => {
    const file = fileWith(`${toLine('a')}\n{\n${toLine('b')}\n`);
    const submitted = await submit(file);

    expect(submitted).toMatchObject({
      id: expect.stringMatching(/^my-requests-[a-f0-9]{12}$/),
      submission: 'started',
      lines: 3,
      invalid: { count: 1, first: 'line 2: The request body is not valid JSON at character 1.' },
    });
    // 10 environments of 1 GB for 75 minutes at $0.0000166667 a second, 4 objects and 5 transitions.
    expect(submitted.maxDollars).toBeCloseTo(45_000 * 0.0000166667 + 4 * 0.0000054 + 5 * 0.000025, 7);
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

  it('uploads and runs a file once when it is submitted twice', async () => {
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

    expect(again).toMatchObject({ id: first.id, submission: 'submitted' });
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(1);
  });

  it.each([
    ['', {}, 'has no lines: it needs at least one request.'],
    ['{\n', {}, 'has no valid request: line 1: The request body is not valid JSON'],
    ['{}\n'.repeat(maxLines + 1), {}, 'has more than 5 lines: split it into several batches.'],
    [`${toLine('a')}\n`, { id: 'a b' }, 'The batch id "a b" is invalid'],
  ])('rejects the file %j with %o', async (text, options, message) => {
    await expect(submit(fileWith(text), options)).rejects.toThrow(message);
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('starts nothing when it is aborted', async () => {
    const signal = AbortSignal.abort(new Error('Enough.'));

    await expect(submit(fileWith(`${toLine('a')}\n`), { signal })).rejects.toThrow();
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(0);
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('does not run a batch again whose execution is deleted but whose results exist', async () => {
    const file = fileWith(`${toLine('a')}\n`);
    await submit(file);
    const upload = s3.commandCalls(PutObjectCommand)[0]?.args[0].input;
    s3.on(HeadObjectCommand).resolves({ Metadata: upload?.Metadata ?? {} });
    stepFunctions.resetHistory();

    expect(await submit(file)).toMatchObject({ submission: 'answered' });
    expect(stepFunctions.commandCalls(StartExecutionCommand)).toHaveLength(0);
  });

  it('rejects the id of another file', async () => {
    s3.on(HeadObjectCommand).resolves({ Metadata: { sha256: 'other' } });

    await expect(
      submit(
        fileWith(`${toLine('a')}
`),
        { id: 'taken' },
      ),
    ).rejects.toThrow('The batch id taken belongs to another file: choose another --id.');
  });
});

describe('runs of a batch', () => {
  it('rejects a batch that was never submitted', async () => {
    await expect(describeLastRun('b', await connect())).rejects.toThrow(
      'There is no batch b: check its id, --environment and --region.',
    );
  });

  it.each([
    ['RUNNING', {}, 'b: running.'],
    ['SUCCEEDED', { output: '{"answered": 7, "failed": 1}' }, 'b: done, 7 lines answered, 1 failed.'],
    ['ABORTED', {}, 'b: cancelled.'],
    [
      'FAILED',
      { error: 'OutOfTime', cause: 'Time was up.' },
      'b: FAILED: Time was up. Its results are kept: resume it to answer the remaining lines.',
    ],
    ['FAILED', { error: 'UnusableInputError', cause: 'Too many lines.' }, 'b: FAILED: Too many lines.'],
  ] as const)('describes the state %s in one line', async (status, more, line) => {
    run('b', status, more);

    expect(toStatusLine(await describeLastRun('b', await connect()))).toBe(line);
  });

  it('counts the chunks of the last run', async () => {
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

  it('cancels only a running batch', async () => {
    run('b', 'RUNNING');
    await cancelRun('b', await connect());
    expect(stepFunctions.commandCalls(StopExecutionCommand)[0]?.args[0].input).toEqual({
      executionArn: execution('b'),
    });

    run('b', 'SUCCEEDED', { output: '{}' });
    await expect(cancelRun('b', await connect())).rejects.toThrow(
      'b is not running: its state is SUCCEEDED.',
    );
  });

  it('resumes only a failed batch, in another run of the same input', async () => {
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
    await expect(resumeRun('b', 2, await connect())).rejects.toThrow(
      'b is still running: there is nothing to resume.',
    );
    run('b', 'SUCCEEDED', { output: '{}' });
    await expect(resumeRun('b', 2, await connect())).rejects.toThrow('there is nothing to resume');
  });

  it('rejects a download before the batch has succeeded', async () => {
    run('b', 'RUNNING');

    await expect(
      fetchResults('b', await connect(), '/nowhere', {
        signal: new AbortController().signal,
        onProgress: () => {},
      }),
    ).rejects.toThrow('b: running.');
  });

  it('downloads the results whole while another fetch downloads them too', async () => {
    const folder = dirname(fileWith(''));
    const { store, ...stack } = await connect();
    const fetch = (onMiddle: () => Promise<unknown>) =>
      fetchResults('b', { ...stack, store: Object.assign(Object.create(store), objects(onMiddle)) }, folder, {
        signal: new AbortController().signal,
        onProgress: () => {},
      });
    const objects = (onMiddle: () => Promise<unknown>) => ({
      find: async () => ({}),
      stream: async (key: string) =>
        (async function* () {
          yield Buffer.from('{"id":1}\n');
          if (key.includes('output')) await onMiddle();
          yield Buffer.from('{"id":2}\n');
        })(),
    });

    const files = await fetch(() => fetch(async () => {}));

    for (const { path, lines } of files) {
      expect({ lines, text: readFileSync(path, 'utf8') }).toEqual({ lines: 2, text: '{"id":1}\n{"id":2}\n' });
    }
    expect(readdirSync(folder).toSorted()).toEqual(['b.errors.jsonl', 'b.output.jsonl', 'my requests.jsonl']);
  });
});
