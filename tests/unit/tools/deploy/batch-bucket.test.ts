import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { countContents, emptyBucket } from '../../../../tools/deploy/batch-bucket.ts';
import { awsError, failureOf, region } from './fixtures.ts';

const s3 = mockClient(S3Client);
const target = { Bucket: 'batches', ExpectedBucketOwner: '111122223333' };
const { signal } = new AbortController();

function bucket() {
  return {
    client: new S3Client({ region }),
    name: 'batches',
    account: '111122223333',
    abortSignal: signal,
  };
}

/** Two pages: an object with an earlier version, and then a deleted object. */
function holdVersions() {
  s3.on(ListObjectVersionsCommand, target)
    .resolves({
      Versions: [
        { Key: 'in.jsonl', VersionId: '2', IsLatest: true },
        { Key: 'in.jsonl', VersionId: '1', IsLatest: false },
      ],
      IsTruncated: true,
      NextKeyMarker: 'in.jsonl',
      NextVersionIdMarker: '1',
    })
    .on(ListObjectVersionsCommand, { ...target, KeyMarker: 'in.jsonl', VersionIdMarker: '1' })
    .resolves({
      Versions: [{ Key: 'out.jsonl', VersionId: '4', IsLatest: false }],
      DeleteMarkers: [{ Key: 'out.jsonl', VersionId: '5', IsLatest: true }],
      IsTruncated: false,
    });
}

function inputsOf(command: typeof DeleteObjectsCommand | typeof AbortMultipartUploadCommand) {
  return s3.commandCalls(command as typeof DeleteObjectsCommand).map((call) => call.args[0].input);
}

beforeEach(() => {
  s3.reset();
  s3.on(ListObjectVersionsCommand).resolves({});
  s3.on(ListMultipartUploadsCommand).resolves({});
  s3.on(DeleteObjectsCommand).resolves({});
});

describe('what is in the bucket', () => {
  it('is counted over all pages', async () => {
    holdVersions();

    expect(await countContents(bucket())).toEqual({ objects: 1, older: 3 });
    expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
  });

  it('is nothing where there is no bucket', async () => {
    s3.on(ListObjectVersionsCommand).rejects(awsError('NoSuchBucket', 404));

    expect(await countContents(bucket())).toEqual({ objects: 0, older: 0 });
  });

  it('is told to those who may know', async () => {
    s3.on(ListObjectVersionsCommand).rejects(awsError('AccessDenied', 403));

    expect(await failureOf(countContents(bucket()))).toMatchObject({
      code: 'denied',
      message: expect.stringContaining('may not s3:ListBucketVersions'),
    });
  });
});

describe('emptying the bucket', () => {
  it('deletes all versions and deletion marks, page by page', async () => {
    s3.on(ListObjectVersionsCommand, target)
      .resolvesOnce({
        Versions: [
          { Key: 'in.jsonl', VersionId: '2', IsLatest: true },
          { Key: 'in.jsonl', VersionId: '1', IsLatest: false },
        ],
        IsTruncated: true,
        NextKeyMarker: 'in.jsonl',
        NextVersionIdMarker: '1',
      })
      .resolvesOnce({
        Versions: [{ Key: 'out.jsonl', VersionId: '4', IsLatest: false }],
        DeleteMarkers: [{ Key: 'out.jsonl', VersionId: '5', IsLatest: true }],
      })
      .resolves({});

    await emptyBucket(bucket());

    expect(inputsOf(DeleteObjectsCommand)).toEqual([
      {
        ...target,
        Delete: {
          Quiet: true,
          Objects: [
            { Key: 'in.jsonl', VersionId: '2' },
            { Key: 'in.jsonl', VersionId: '1' },
          ],
        },
      },
      {
        ...target,
        Delete: {
          Quiet: true,
          Objects: [
            { Key: 'out.jsonl', VersionId: '4' },
            { Key: 'out.jsonl', VersionId: '5' },
          ],
        },
      },
    ]);
  });

  it('ends all uploads, page by page', async () => {
    s3.on(ListMultipartUploadsCommand, target)
      .resolves({
        Uploads: [{ Key: 'a', UploadId: '1' }],
        IsTruncated: true,
        NextKeyMarker: 'a',
        NextUploadIdMarker: '1',
      })
      .on(ListMultipartUploadsCommand, { ...target, KeyMarker: 'a', UploadIdMarker: '1' })
      .resolves({ Uploads: [{ Key: 'b', UploadId: '2' }] })
      .on(AbortMultipartUploadCommand)
      .rejectsOnce(awsError('NoSuchUpload', 404))
      .resolves({});

    await emptyBucket(bucket());

    expect(inputsOf(AbortMultipartUploadCommand)).toEqual([
      { ...target, Key: 'a', UploadId: '1' },
      { ...target, Key: 'b', UploadId: '2' },
    ]);
  });

  it('deletes nothing where nothing is', async () => {
    await emptyBucket(bucket());

    expect(inputsOf(DeleteObjectsCommand)).toEqual([]);
    expect(inputsOf(AbortMultipartUploadCommand)).toEqual([]);
  });

  it('tells the first object that stays', async () => {
    holdVersions();
    s3.on(DeleteObjectsCommand).resolves({
      Errors: [{ Key: 'in.jsonl', Code: 'AccessDenied', Message: 'It is locked.' }],
    });

    expect(await failureOf(emptyBucket(bucket()))).toMatchObject({
      code: 'not-emptied',
      message: 'The bucket batches could not be emptied: in.jsonl: AccessDenied It is locked.',
    });
    expect(inputsOf(DeleteObjectsCommand)).toHaveLength(1);
  });

  it.each([
    ['SlowDown', 503, 'throttled'],
    ['AccessDenied', 403, 'denied'],
    ['ExpiredToken', 400, 'expired-credentials'],
  ])('stops at %s', async (name, status, code) => {
    holdVersions();
    s3.on(DeleteObjectsCommand).rejects(awsError(name, status));

    expect(await failureOf(emptyBucket(bucket()))).toMatchObject({ code });
  });
});
