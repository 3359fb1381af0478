// The bucket of the batches. CloudFormation deletes no bucket with anything in it: not old versions of objects, nor marks
// of deleted ones, nor uploads that never ended.
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ObjectIdentifier,
  type S3Client,
} from '@aws-sdk/client-s3';
import { DeployError, toDeployError } from './errors.ts';

/** A bucket, and the account that must own it: no other one's is touched. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  readonly account: string;
  readonly abortSignal: AbortSignal;
}

/** What is in a bucket. */
export interface BucketContents {
  readonly objects: number;
  /** Earlier versions, and marks of deleted objects. */
  readonly older: number;
}

/** Counts what is in a bucket. */
export async function countContents(bucket: Bucket): Promise<BucketContents> {
  let objects = 0;
  let older = 0;
  let next: VersionMarkers | undefined = {};
  while (next !== undefined) {
    const page: VersionPage = await listVersions(bucket, next);
    objects += page.current;
    older += page.all.length - page.current;
    next = page.next;
  }
  return { objects, older };
}

/**
 * Deletes everything in a bucket.
 *
 * @throws {DeployError} `not-emptied`, when an object could not be deleted
 */
export async function emptyBucket(bucket: Bucket): Promise<void> {
  const { client, abortSignal } = bucket;
  const target = { Bucket: bucket.name, ExpectedBucketOwner: bucket.account };
  // Always the first page: what was on it is gone, and something may have been written meanwhile.
  for (;;) {
    const { all } = await listVersions(bucket);
    if (all.length === 0) break;
    const command = new DeleteObjectsCommand({ ...target, Delete: { Objects: all, Quiet: true } });
    const { Errors: [first] = [] } = await send('s3:DeleteObjectVersion', () =>
      client.send(command, { abortSignal }),
    );
    if (first === undefined) continue;
    const reason = `${first.Key}: ${first.Code} ${first.Message ?? ''}`.trim();
    throw new DeployError('not-emptied', `The bucket ${bucket.name} could not be emptied: ${reason}`);
  }
  for await (const upload of listUploads(bucket)) {
    await send('s3:AbortMultipartUpload', () =>
      client.send(new AbortMultipartUploadCommand({ ...target, ...upload }), { abortSignal }),
    ).catch(ignore('NoSuchUpload'));
  }
}

type VersionMarkers = Pick<ListObjectVersionsCommandInput, 'KeyMarker' | 'VersionIdMarker'>;

/** Up to a thousand versions, as many as one request deletes. */
interface VersionPage {
  readonly all: ObjectIdentifier[];
  /** How many of them are what a reader gets. */
  readonly current: number;
  /** Where the next page begins, if there is one. */
  readonly next: VersionMarkers | undefined;
}

/** A page of the versions of a bucket's objects. A bucket that is not there has none. */
async function listVersions(
  { client, name, account, abortSignal }: Bucket,
  from: VersionMarkers = {},
): Promise<VersionPage> {
  const command = new ListObjectVersionsCommand({ Bucket: name, ExpectedBucketOwner: account, ...from });
  const page = await send('s3:ListBucketVersions', () => client.send(command, { abortSignal })).catch(
    ignore('NoSuchBucket'),
  );
  const { Versions = [], DeleteMarkers = [], IsTruncated = false } = page ?? {};
  return {
    all: [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId })),
    current: Versions.filter(({ IsLatest }) => IsLatest === true).length,
    next: IsTruncated
      ? { KeyMarker: page?.NextKeyMarker, VersionIdMarker: page?.NextVersionIdMarker }
      : undefined,
  };
}

/** The uploads that never ended. */
async function* listUploads({ client, name, account, abortSignal }: Bucket) {
  let marks: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({ Bucket: name, ExpectedBucketOwner: account, ...marks });
    const page: ListMultipartUploadsCommandOutput | undefined = await send(
      's3:ListBucketMultipartUploads',
      () => client.send(command, { abortSignal }),
    ).catch(ignore('NoSuchBucket'));
    for (const { Key, UploadId } of page?.Uploads ?? []) yield { Key, UploadId };
    if (!page?.IsTruncated) return;
    marks = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

async function send<Result>(action: string, request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    throw toDeployError(error, action);
  }
}

/** A handler that takes one of AWS's errors for none. */
function ignore(name: string): (error: unknown) => undefined {
  return (error) => {
    const { cause } = error as Error;
    if (cause instanceof Error && cause.name === name) return undefined;
    throw error;
  };
}
