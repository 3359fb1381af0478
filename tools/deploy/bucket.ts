// Empties and deletes buckets. CloudFormation cannot delete a bucket that still has objects, noncurrent versions, delete
// markers or unfinished multipart uploads.
import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
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

/** A bucket. Every request names the expected owner, so S3 rejects requests to another account's bucket. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  readonly account: string;
  readonly abortSignal: AbortSignal;
}

export interface BucketContents {
  readonly objects: number;
  /** Number of noncurrent versions and delete markers. */
  readonly noncurrent: number;
}

/** Counts the objects and noncurrent versions in a bucket; both are 0 when the bucket does not exist. */
export async function countContents(bucket: Bucket): Promise<BucketContents> {
  let objects = 0;
  let noncurrent = 0;
  let next: VersionMarkers | undefined = {};
  while (next !== undefined) {
    const page: VersionPage = await listVersions(bucket, next);
    objects += page.current;
    noncurrent += page.all.length - page.current;
    next = page.next;
  }
  return { objects, noncurrent };
}

export function describeContents({ objects, noncurrent }: BucketContents): string {
  const current = objects === 1 ? '1 object' : `${objects} objects`;
  return noncurrent > 0 ? `${current} and ${noncurrent} noncurrent` : current;
}

/**
 * Deletes all object versions and delete markers, and aborts all multipart uploads.
 *
 * @throws {DeployError} `not-emptied` when S3 refuses to delete an object
 */
export async function emptyBucket(bucket: Bucket): Promise<void> {
  const { client, abortSignal } = bucket;
  const target = { Bucket: bucket.name, ExpectedBucketOwner: bucket.account };
  // Always list the first page: its versions were just deleted, and new ones may have been written since.
  for (;;) {
    const { all } = await listVersions(bucket);
    if (all.length === 0) break;
    const command = new DeleteObjectsCommand({ ...target, Delete: { Objects: all, Quiet: true } });
    const { Errors: [first] = [] } = await send('s3:DeleteObjectVersion', () =>
      client.send(command, { abortSignal }),
    );
    if (first === undefined) continue;
    const reason = `${first.Key}: ${first.Code} ${first.Message ?? ''}`.trim();
    throw new DeployError('not-emptied', `S3 could not empty the bucket ${bucket.name}: ${reason}`);
  }
  for await (const upload of listUploads(bucket)) {
    await send('s3:AbortMultipartUpload', () =>
      client.send(new AbortMultipartUploadCommand({ ...target, ...upload }), { abortSignal }),
    ).catch(ignore('NoSuchUpload'));
  }
}

/** Empties and deletes a bucket. Does nothing when it does not exist. */
export async function deleteBucket(bucket: Bucket): Promise<void> {
  await emptyBucket(bucket);
  const command = new DeleteBucketCommand({ Bucket: bucket.name, ExpectedBucketOwner: bucket.account });
  await send('s3:DeleteBucket', () => bucket.client.send(command, { abortSignal: bucket.abortSignal })).catch(
    ignore('NoSuchBucket'),
  );
}

type VersionMarkers = Pick<ListObjectVersionsCommandInput, 'KeyMarker' | 'VersionIdMarker'>;

/** Up to 1,000 versions: the most that one DeleteObjects request takes. */
interface VersionPage {
  readonly all: ObjectIdentifier[];
  /** Number of versions that are the current version of their object. */
  readonly current: number;
  /** Start of the next page; undefined on the last page. */
  readonly next: VersionMarkers | undefined;
}

/** Lists one page of object versions; the page is empty when the bucket does not exist. */
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

/** Lists the unfinished multipart uploads. */
async function* listUploads({ client, name, account, abortSignal }: Bucket) {
  let markers: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({
      Bucket: name,
      ExpectedBucketOwner: account,
      ...markers,
    });
    const page: ListMultipartUploadsCommandOutput | undefined = await send(
      's3:ListBucketMultipartUploads',
      () => client.send(command, { abortSignal }),
    ).catch(ignore('NoSuchBucket'));
    for (const { Key, UploadId } of page?.Uploads ?? []) yield { Key, UploadId };
    if (!page?.IsTruncated) return;
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

async function send<Result>(action: string, request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    throw toDeployError(error, action);
  }
}

/** Returns a catch handler that resolves to undefined for one AWS error and rethrows all others. */
function ignore(name: string): (error: unknown) => undefined {
  return (error) => {
    const { cause } = error as Error;
    if (cause instanceof Error && cause.name === name) return undefined;
    throw error;
  };
}
