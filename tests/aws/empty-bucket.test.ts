// Empties a bucket in moto with noncurrent versions, delete markers and unfinished uploads.
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countContents, emptyBucket } from '../../tools/deploy/bucket.ts';
import { type LocalAws, startAws } from './moto.ts';

let aws: LocalAws;
let client: S3Client;

beforeAll(async () => {
  aws = await startAws({}, () => {});
  client = new S3Client(aws.settings);
}, 300_000);

afterAll(() => aws?.close());

it('empties a bucket completely, so that it can be deleted', async () => {
  const Bucket = 'batches-to-remove';
  await client.send(
    new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }),
  );
  await client.send(
    new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  const keys = Array.from({ length: 1_010 }, (_, index) => `work/${index}`);
  for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  for (const Key of keys.slice(0, 5)) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'y' }));
  for (const Key of keys.slice(5, 8)) await client.send(new DeleteObjectCommand({ Bucket, Key }));
  await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'unfinished' }));
  const bucket = { client, name: Bucket, account: '123456789012', abortSignal: new AbortController().signal };

  expect(await countContents(bucket)).toEqual({ objects: 1_007, noncurrent: 11 });
  await emptyBucket(bucket);

  expect(await countContents(bucket)).toEqual({ objects: 0, noncurrent: 0 });
  await client.send(new DeleteBucketCommand({ Bucket }));
});
