import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { countContents, deleteBucket, emptyBucket } from '../../../../tools/deploy/bucket.ts';
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

/** Stubs two pages: an object with a noncurrent version, then a deleted object. */
function stubVersions() {
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

describe('countContents', () => {
  it('counts over all pages', async () => {
    stubVersions();

    expect(await countContents(bucket())).toEqual({ objects: 1, noncurrent: 3 });
    expect(s3.commandCalls(DeleteObjectsCommand)).toEqual([]);
  });

  it('returns zeros when the bucket does not exist', async () => {
    s3.on(ListObjectVersionsCommand).rejects(awsError('NoSuchBucket', 404));

    expect(await countContents(bucket())).toEqual({ objects: 0, noncurrent: 0 });
  });

  it('throws denied without permission to list versions', async () => {
    s3.on(ListObjectVersionsCommand).rejects(awsError('AccessDenied', 403));

    expect(await failureOf(countContents(bucket()))).toMatchObject({
      code: 'denied',
      message: expect.stringContaining('lack the permission s3:ListBucketVersions'),
    });
  });
});

describe('emptyBucket', () => {
  it('deletes all versions and delete markers, page by page', async () => {
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

  it('aborts all multipart uploads, page by page', async () => {
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

  it('sends no deletion for an empty bucket', async () => {
    await emptyBucket(bucket());

    expect(inputsOf(DeleteObjectsCommand)).toEqual([]);
    expect(inputsOf(AbortMultipartUploadCommand)).toEqual([]);
  });

  it('names the first object that S3 refuses to delete', async () => {
    stubVersions();
    s3.on(DeleteObjectsCommand).resolves({
      Errors: [{ Key: 'in.jsonl', Code: 'AccessDenied', Message: 'It is locked.' }],
    });

    expect(await failureOf(emptyBucket(bucket()))).toMatchObject({
      code: 'not-emptied',
      message: 'S3 could not empty the bucket batches: in.jsonl: AccessDenied It is locked.',
    });
    expect(inputsOf(DeleteObjectsCommand)).toHaveLength(1);
  });

  it.each([
    ['SlowDown', 503, 'throttled'],
    ['AccessDenied', 403, 'denied'],
    ['ExpiredToken', 400, 'expired-credentials'],
  ])('stops at the error %s', async (name, status, code) => {
    stubVersions();
    s3.on(DeleteObjectsCommand).rejects(awsError(name, status));

    expect(await failureOf(emptyBucket(bucket()))).toMatchObject({ code });
  });
});

describe('deleteBucket', () => {
  it('deletes the bucket after its objects', async () => {
    s3.on(ListObjectVersionsCommand)
      .resolvesOnce({ Versions: [{ Key: 'a', VersionId: '1', IsLatest: true }] })
      .resolves({});
    s3.on(DeleteBucketCommand).resolves({});

    await deleteBucket(bucket());

    const names = s3.calls().map(({ args: [command] }) => command.constructor.name);
    expect(names.filter((name) => name.startsWith('Delete'))).toEqual([
      'DeleteObjectsCommand',
      'DeleteBucketCommand',
    ]);
    expect(s3.commandCalls(DeleteBucketCommand)[0]?.args[0].input).toEqual(target);
  });

  it('succeeds when there is no bucket', async () => {
    for (const command of [ListObjectVersionsCommand, ListMultipartUploadsCommand, DeleteBucketCommand]) {
      s3.on(command as typeof DeleteBucketCommand).rejects(awsError('NoSuchBucket', 404));
    }

    await expect(deleteBucket(bucket())).resolves.toBeUndefined();
  });
});
