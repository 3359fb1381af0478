// Runs batches end to end: the command, S3 and Step Functions in moto, the project's state machine, and real runtimes
// with a real model.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BatchResult } from '../../src/batch/batch-result.ts';
import { Environments } from './environments.ts';
import { type LocalAws, startAws } from './moto.ts';

// A test has many commands, each of which may take ten seconds on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

const bucket = 'batches-of-tests';
const queueUrl = 'http://127.0.0.1/queue';
const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-batch-'));
const root = join(import.meta.dirname, '../..');

let aws: LocalAws;
/** Called with each request to AWS; false drops the request. */
let onRequest: (request: string) => unknown = () => {};
/** Called before each invocation of the function `batch`; true makes Lambda throttle it. */
let isThrottled = () => false;
/** Called before each invocation of the function `batch`; true makes it fail. */
let isBroken = () => false;
const functionEnv = () => ({
  ...aws.env,
  BATCH_BUCKET: bucket,
  BATCH_QUEUE_URL: queueUrl,
  SLOTS: '4',
  THREADS: '1',
});
const batch = new Environments('batch', 2, functionEnv);
const batchFiles = new Environments('batch-files', 1, functionEnv);

beforeAll(async () => {
  aws = await startAws(
    {
      batch: async (payload) => {
        if (isBroken()) return { payload: '{"errorType":"Error","errorMessage":"Broken."}', failed: true };
        return isThrottled() ? 'throttled' : batch.invoke(payload);
      },
      'batch-files': batchFiles.invoke,
    },
    (request) => onRequest(request),
  );
  Object.assign(process.env, aws.env);
  await new S3Client({}).send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
    }),
  );
  const substitutions: Record<string, string> = {
    Partition: 'aws',
    BatchFunction: 'batch',
    BatchFilesFunction: 'batch-files',
    BatchBucket: bucket,
  };
  const definition = readFileSync(join(root, 'infra/batch.asl.json'), 'utf8')
    .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => substitutions[name] ?? '')
    // Dozens of attempts fail in these tests.
    .replaceAll(/"MaxDelaySeconds": \d+/g, '"MaxDelaySeconds": 2');
  const { stateMachineArn = '' } = await new SFNClient({}).send(
    new CreateStateMachineCommand({
      name: 'batch',
      definition,
      roleArn: 'arn:aws:iam::123456789012:role/batch',
    }),
  );
  await new CloudFormationClient({}).send(
    new CreateStackCommand({
      StackName: 'gguf-lambda-dev',
      TemplateBody: JSON.stringify({
        Parameters: { BatchMemorySize: { Type: 'Number', Default: 1769 } },
        Resources: { Queue: { Type: 'AWS::SQS::Queue' } },
        Outputs: { BatchBucket: { Value: bucket }, BatchStateMachine: { Value: stateMachineArn } },
      }),
    }),
  );
}, 300_000);

afterAll(async () => {
  await Promise.all([batch.end(), batchFiles.end()]);
  await aws?.close();
});

/** Runs `npm run batch -- ARGUMENTS`. */
async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(root, 'tools/batch/cli.ts'), ...args], {
    env: { ...process.env, ...aws.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number, stdout, stderr };
}

function writeRequests(name: string, lines: readonly unknown[]): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );
  return file;
}

function toRequest(id: string, body: object = {}) {
  return {
    custom_id: id,
    method: 'POST',
    url: '/v1/completions',
    body: { prompt: `${id} is`, max_tokens: 2, temperature: 0, ...body },
  };
}

function toIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line-${index}`);
}

/** Writes a file of good requests. */
function writeLines(name: string, count: number): { readonly ids: string[]; readonly file: string } {
  const ids = toIds(count);
  const requests = ids.map((id) => toRequest(id));
  return { ids, file: writeRequests(name, requests) };
}

function readResults(id: string, kind: 'output' | 'errors'): BatchResult[] {
  const file = readFileSync(join(folder, `${id}.${kind}.jsonl`), 'utf8');
  return file
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BatchResult);
}

describe('a batch of 200 lines with an environment that crashes half-way', () => {
  const ids = toIds(200);

  it('answers every line once, in order', async () => {
    const requests: unknown[] = ids.map((id) => toRequest(id));
    requests[20] = '{"custom_id": "broken';
    requests[40] = toRequest('line-0');
    requests[60] = toRequest('line-60', { max_tokens: 'two' });
    const file = writeRequests('half-way.jsonl', requests);
    const halfWay = Promise.withResolvers<void>();
    let answers = 0;
    onRequest = (request) => {
      if (request.startsWith(`PUT /${bucket}/work/half-way/answers/`)) answers += 1;
      if (answers === 90) halfWay.resolve();
    };

    const submitted = await command(
      'submit',
      file,
      '--id',
      'half-way',
      '--concurrency',
      '2',
      '--lines-per-chunk',
      '20',
    );
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    expect(submitted.stdout).toMatch(
      /^Invalid lines: 1\. They will fail; the first is line 21: .*\nhalf-way: 200 lines, at most \$/m,
    );
    const ended = command('status', 'half-way', '--wait');
    await Promise.race([halfWay.promise, ended]);
    await batch.killOne();

    expect(await ended).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('half-way: done, 197 lines answered, 3 failed.'),
    });
    expect(batch.crashes).toBe(1);
    expect(batch.invocations).toBe(11);
    expect(await command('fetch', 'half-way', '--to', folder)).toMatchObject({ code: 0 });
    const output = readResults('half-way', 'output');
    expect(output.map(({ custom_id }) => custom_id)).toEqual(
      ids.filter((_, index) => ![20, 40, 60].includes(index)),
    );
    expect(new Set(output.map(({ id }) => id)).size).toBe(197);
    expect(readResults('half-way', 'errors')).toMatchObject([
      { custom_id: null, response: null, error: { code: 'invalid_json' } },
      { custom_id: 'line-0', response: null, error: { code: 'duplicate_custom_id' } },
      { custom_id: 'line-60', response: { status_code: 400 }, error: null },
    ]);
  });

  it('is not submitted again', async () => {
    const again = await command('submit', join(folder, 'half-way.jsonl'), '--id', 'half-way');

    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('half-way was already submitted. Its results are ready: fetch them.'),
    });
  });

  it('cannot be fetched into a directory that is not writable', async () => {
    const noFolder = join(folder, 'half-way.jsonl');

    expect(await command('fetch', 'half-way', '--to', noFolder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^\S+half-way\.output\.jsonl cannot be written: .*\n$/),
    });
  });
});

describe('a cancelled batch', () => {
  it('keeps its results, and answers only the remaining lines when it is resumed', async () => {
    const { ids, file } = writeLines('cancelled.jsonl', 60);
    const someDone = Promise.withResolvers<void>();
    onRequest = (request) => {
      if (!request.startsWith(`PUT /${bucket}/work/cancelled/parts/`)) return;
      // The other chunks wait, so that the batch cannot end before it is cancelled.
      isThrottled = () => true;
      someDone.resolve();
    };
    const options = ['--id', 'cancelled', '--concurrency', '2', '--lines-per-chunk', '10'];
    expect(await command('submit', file, ...options)).toMatchObject({ code: 0 });
    await someDone.promise;

    expect(await command('cancel', 'cancelled')).toMatchObject({ code: 0, stderr: '' });
    // A run that is stopped ends only after the chunks in progress.
    const stopped = await command('status', 'cancelled', '--wait');
    expect(stopped.code).toBe(1);
    expect(stopped.stdout).toMatch(/^cancelled: cancelled, \d of 6 chunks done\.$/m);
    expect(await command('fetch', 'cancelled', '--to', folder)).toMatchObject({ code: 1 });
    expect(await command('submit', file, ...options)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^cancelled was already submitted\.\ncancelled: cancelled, \d of 6 chunks done\.$/m,
      ),
    });
    let written = 0;
    onRequest = (request) => {
      if (request.startsWith(`PUT /${bucket}/work/cancelled/answers/`)) written += 1;
    };
    isThrottled = () => false;
    const resumed = await command('resume', 'cancelled', '--wait');

    expect(resumed.stdout).toContain('cancelled, run 2: done, 60 lines answered, 0 failed.');
    expect(written).toBeLessThan(60);
    await command('fetch', 'cancelled', '--to', folder);
    expect(readResults('cancelled', 'output').map(({ custom_id }) => custom_id)).toEqual(ids);
  });
});

describe('a throttled chunk', () => {
  it('is answered without the single-line mode for crashes', async () => {
    const { file } = writeLines('throttled.jsonl', 6);
    const markers: string[] = [];
    onRequest = (request) => {
      if (request.startsWith(`PUT /${bucket}/work/throttled/begun/`)) markers.push(request);
    };
    let throttles = 0;
    isThrottled = () => throttles < 2 && ++throttles > 0;
    await command('submit', file, '--id', 'throttled', '--concurrency', '2');

    expect((await command('status', 'throttled', '--wait')).stdout).toContain(
      'throttled: done, 6 lines answered, 0 failed.',
    );
    expect(throttles).toBe(2);
    // Markers would mean that the lines were answered one at a time.
    expect(markers).toEqual([]);
  });
});

describe('a line that crashes its environments', () => {
  it('fails, and the other lines are answered in spite of throttling', async () => {
    const { ids, file } = writeLines('deadly.jsonl', 6);
    const crashesBefore = batch.crashes;
    const kills: Promise<void>[] = [];
    let attempts = 0;
    isThrottled = () => ++attempts % 2 === 0;
    onRequest = (request) => {
      // The first two environments crash before any answer; the third, in single-line mode, before it saves the last one.
      const deadly = ['HEAD /*/parts/', 'HEAD /*/parts/', 'PUT /*/answers/0000000000/0000000005.json'][
        batch.crashes - crashesBefore
      ];
      if (deadly === undefined) return true;
      const isDeadly = request.startsWith(deadly.replace('*', `${bucket}/work/deadly`));
      if (isDeadly) kills.push(batch.killOne());
      return !isDeadly;
    };
    await command('submit', file, '--id', 'deadly', '--concurrency', '2');

    expect((await command('status', 'deadly', '--wait')).stdout).toContain(
      'deadly: done, 5 lines answered, 1 failed.',
    );
    await Promise.all(kills);
    expect(batch.crashes - crashesBefore).toBe(3);
    expect(attempts).toBe(7);
    await command('fetch', 'deadly', '--to', folder);
    expect(readResults('deadly', 'output').map(({ custom_id }) => custom_id)).toEqual(ids.slice(0, 5));
    expect(readResults('deadly', 'errors')).toMatchObject([
      { custom_id: 'line-5', response: null, error: { code: 'environment_ended' } },
    ]);
  });
});

describe('a chunk with eight lines that crash their environments', () => {
  it('fails these lines and answers the other one', async () => {
    const { ids, file } = writeLines('deadly-chunk.jsonl', 9);
    isThrottled = () => false;
    const kills: Promise<void>[] = [];
    /** How often the last marker of each line was requested. At the second time the line fails. */
    const markers = new Map<string, { readonly key: string; readonly times: number }>();
    onRequest = (request) => {
      const [, line, since] = /^PUT \/.*\/work\/deadly-chunk\/begun\/(\d+)-([^?]*)/.exec(request) ?? [];
      if (line !== undefined && since !== undefined) {
        const earlier = markers.get(line);
        markers.set(line, { key: since, times: earlier?.key === since ? earlier.times + 1 : 1 });
      }
      const [, answered] = /^PUT \/.*\/work\/deadly-chunk\/answers\/\d+\/(\d+)\.json/.exec(request) ?? [];
      if (answered === undefined || Number(answered) === 0) return true;
      if (markers.get(answered)?.times === 2) return true;
      kills.push(batch.killOne());
      return false;
    };
    await command('submit', file, '--id', 'deadly-chunk', '--concurrency', '2');

    expect((await command('status', 'deadly-chunk', '--wait')).stdout).toContain(
      'deadly-chunk: done, 1 lines answered, 8 failed.',
    );
    await Promise.all(kills);
    onRequest = () => {};
    await command('fetch', 'deadly-chunk', '--to', folder);
    expect(readResults('deadly-chunk', 'errors').map(({ error }) => error?.code)).toEqual(
      ids.slice(1).map(() => 'environment_ended'),
    );
  });
});

describe('a chunk that always fails', () => {
  it('fails the batch after the first careful round without a result', async () => {
    const { file } = writeLines('broken-chunk.jsonl', 50);
    let attempts = 0;
    isBroken = () => {
      attempts += 1;
      return true;
    };
    await command('submit', file, '--id', 'broken-chunk');

    const ended = await command('status', 'broken-chunk', '--wait');
    isBroken = () => false;
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('broken-chunk: FAILED') });
    // Two normal attempts and seven careful ones.
    expect(attempts).toBe(9);
  });
});

describe('npm run batch -- local', () => {
  it('answers the example on this machine', async () => {
    const file = join(folder, 'example.jsonl');
    copyFileSync(join(root, 'events/batch.jsonl'), file);
    const child = spawn(process.execPath, [join(root, 'tools/batch/cli.ts'), 'local', file], {
      // Blank is the same as absent: the default model.
      env: { ...process.env, MODEL_DIR: ' ' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });

    expect(await once(child, 'close')).toEqual([0, null]);
    expect(readResults('example', 'output')).toMatchObject([
      {
        custom_id: 'capital-of-france',
        response: { body: { choices: [{ text: expect.stringMatching(/^ Paris/) }] } },
      },
      { custom_id: 'a-greeting', response: { body: { object: 'chat.completion' } } },
    ]);
    expect(readResults('example', 'errors')).toEqual([]);
  });
});
