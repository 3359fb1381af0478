import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createS3Client, S3Store } from '../../../src/batch/s3-store.ts';

const s3 = mockClient(S3Client);
const store = new S3Store(new S3Client({ region: 'eu-central-1' }), 'bucket');

beforeEach(() => {
  s3.reset();
});

function named(name: string): Error {
  return Object.assign(new Error(`S3 says ${name}`), { name });
}

function toBody(text: string) {
  const body = { transformToByteArray: async () => Buffer.from(text) };
  return body as unknown as NonNullable<GetObjectCommandOutput['Body']>;
}

describe('S3Store', () => {
  it('finds the metadata of an object, or undefined', async () => {
    s3.on(HeadObjectCommand)
      .resolvesOnce({ Metadata: { sha256: 'x' } })
      .rejectsOnce(named('NotFound'));

    expect(await store.find('a')).toEqual({ sha256: 'x' });
    expect(await store.find('a')).toBeUndefined();
  });

  it('reads an object or a range of it', async () => {
    s3.on(GetObjectCommand).callsFake(() => ({ Body: toBody('text') }));

    expect(Buffer.from(await store.read('a')).toString()).toBe('text');
    await store.read('a', { start: 3, end: 9 });
    expect(s3.commandCalls(GetObjectCommand).map(({ args: [{ input }] }) => input)).toEqual([
      { Bucket: 'bucket', Key: 'a' },
      { Bucket: 'bucket', Key: 'a', Range: 'bytes=3-8' },
    ]);
  });

  it('creates an object only once', async () => {
    s3.on(PutObjectCommand).resolvesOnce({}).rejectsOnce(named('PreconditionFailed'));

    expect(await store.create('a', 'text', { sha256: 'x' })).toBe('created');
    expect(await store.create('a', 'text')).toBe('exists');
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toEqual({
      Bucket: 'bucket',
      Key: 'a',
      Body: 'text',
      IfNoneMatch: '*',
      Metadata: { sha256: 'x' },
    });
  });

  it('retries a creation while a concurrent one is in progress', async () => {
    s3.on(PutObjectCommand)
      .rejectsOnce(named('ConditionalRequestConflict'))
      .rejectsOnce(named('ConditionalRequestConflict'))
      .rejectsOnce(named('PreconditionFailed'));

    expect(await store.create('a', 'text')).toBe('exists');
  });

  it.each(['SlowDown', 'AccessDenied', 'NoSuchBucket'])('throws the error %s of S3', async (name) => {
    s3.onAnyCommand().rejects(named(name));

    for (const failing of [
      () => store.find('a'),
      () => store.create('a', ''),
      () => store.put('a', ''),
      () => store.read('a'),
      () => store.stream('a'),
      () => Array.fromAsync(store.list('a')),
    ]) {
      await expect(failing()).rejects.toMatchObject({ name });
    }
  });
});

describe('S3Store.list', () => {
  it('lists keys and sizes over all pages', async () => {
    s3.on(ListObjectsV2Command, { ContinuationToken: undefined }).resolves({
      Contents: [{ Key: 'a/1', Size: 5 }],
      NextContinuationToken: 'next',
    });
    s3.on(ListObjectsV2Command, { ContinuationToken: 'next' }).resolves({ Contents: [{ Key: 'a/2' }] });

    expect(await Array.fromAsync(store.list('a/'))).toEqual([
      { key: 'a/1', size: 5 },
      { key: 'a/2', size: 0 },
    ]);
  });
});

describe('S3Store.write', () => {
  it('uploads the text on finish', async () => {
    s3.on(PutObjectCommand).resolves({});
    const writer = store.write('a');
    await writer.write('one ');
    await writer.write('two');
    await writer.finish();

    const [call] = s3.commandCalls(PutObjectCommand);
    expect(Buffer.from(call?.args[0].input.Body as Uint8Array).toString()).toBe('one two');
  });

  it('rejects a write when the upload has failed', async () => {
    s3.on(CreateMultipartUploadCommand).rejects(named('AccessDenied'));
    const writer = store.write('a');

    const writing = (async () => {
      for (let part = 0; part < 64; part += 1) await writer.write('x'.repeat(1024 * 1024));
      await writer.finish();
    })();
    await expect(writing).rejects.toMatchObject({ name: 'AccessDenied' });
    await writer.abandon();
  });

  it('aborts the upload on abandon', async () => {
    s3.on(CreateMultipartUploadCommand).resolves({ UploadId: 'upload' });
    s3.on(UploadPartCommand).resolves({ ETag: '"1"' });
    s3.on(AbortMultipartUploadCommand).resolves({});
    const writer = store.write('a');
    for (let part = 0; part < 24; part += 1) await writer.write('x'.repeat(1024 * 1024));
    await writer.abandon();

    expect(s3.commandCalls(AbortMultipartUploadCommand)).toHaveLength(1);
    expect(s3.commandCalls(CompleteMultipartUploadCommand)).toHaveLength(0);
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(0);
  });
});

describe('createS3Client', () => {
  it('times out a request that S3 does not answer', async () => {
    s3.restore();
    onTestFinished(() => void mockClient(S3Client));
    const silent = createServer(() => {});
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const client = createS3Client({
      endpoint: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
      requestHandler: { socketTimeout: 20 },
    });

    await expect(new S3Store(client, 'bucket').read('a')).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
