// s3://bucket/key - with the credentials and region the AWS SDK finds. A part is continued by a range request
// that S3 refuses when the object has changed since.
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { splitFileNames } from '../../../src/model/split-files.ts';
import { ensureFreeSpace } from '../disk-space.ts';
import { reasonOf, StoreError, toStoreError } from '../errors.ts';
import type { Source, TransferContext } from '../transfer.ts';

/** Fetches an object, or all parts of a split GGUF. */
export const fetchFromS3: Source = async (uri, directory, context) => {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+[^/])$/.exec(uri) ?? [];
  if (bucket === undefined || key === undefined) {
    throw new StoreError('unusable-source', `${uri} does not name an object: expected s3://bucket/key.`);
  }
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ followRegionRedirects: true });
  try {
    const names = splitFileNames(basename(key));
    const files = [];
    for (const name of names) {
      const path = join(directory, name);
      await fetchObject(client, bucket, key.slice(0, -basename(key).length) + name, path, uri, context);
      files.push({ path, publishedSha256: null });
    }
    return files;
  } finally {
    client.destroy();
  }
};

async function fetchObject(
  client: S3Client,
  bucket: string,
  key: string,
  path: string,
  uri: string,
  context: TransferContext,
): Promise<void> {
  if (await stat(path).catch(() => null)) return;
  const part = `${path}.part`;
  const etagFile = `${path}.etag`;
  const earlier = await stat(part).catch(() => null);
  const etag = earlier && (await readFile(etagFile, 'utf8').catch(() => null));
  const offset = etag ? (earlier?.size ?? 0) : 0;
  const range = etag && offset > 0 ? { Range: `bytes=${offset}-`, IfMatch: etag } : {};
  try {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, ...range });
    const object = await client.send(command, context.signal ? { abortSignal: context.signal } : {});
    // Of a part that is continued, this is the rest.
    await ensureFreeSpace(path.slice(0, -basename(path).length), object.ContentLength ?? 0, uri);
    if (object.ETag) await writeFile(etagFile, object.ETag);
    await append(object, part, offset, context);
  } catch (error) {
    if (offset > 0 && isOtherVersion(error)) {
      await rm(part, { force: true });
      return fetchObject(client, bucket, key, path, uri, context);
    }
    throw failure(error, uri);
  }
  await rename(part, path);
  await rm(etagFile, { force: true });
}

async function append(
  object: GetObjectCommandOutput,
  part: string,
  offset: number,
  context: TransferContext,
) {
  const totalBytes = object.ContentLength === undefined ? null : offset + object.ContentLength;
  let transferredBytes = offset;
  const file = await open(part, offset > 0 ? 'a' : 'w');
  try {
    for await (const chunk of object.Body as Readable) {
      context.signal?.throwIfAborted();
      await file.writeFile(chunk as Buffer);
      transferredBytes += (chunk as Buffer).length;
      context.onProgress({ transferredBytes, totalBytes });
    }
  } finally {
    await file.close();
  }
  if (totalBytes !== null && transferredBytes < totalBytes) {
    throw new Error(`the connection ended after ${transferredBytes} of ${totalBytes} bytes`);
  }
}

function isOtherVersion(error: unknown): boolean {
  const name = (error as Error).name;
  return name === 'PreconditionFailed' || name === 'InvalidRange';
}

function failure(error: unknown, uri: string): StoreError {
  const { name } = error as Error;
  if (name === 'NoSuchKey' || name === 'NoSuchBucket' || name === 'NotFound') {
    return new StoreError('source-gone', `${uri} is not there: S3 answered ${name}.`, { cause: error });
  }
  if (/^Region is missing/.test((error as Error).message)) {
    const advice = "Set AWS_REGION to the bucket's region, such as AWS_REGION=eu-central-1.";
    return new StoreError('source-refused', `${uri} cannot be read: no AWS region is set. ${advice}`, {
      cause: error,
    });
  }
  const refusals = [
    'AccessDenied',
    'Forbidden',
    'CredentialsProviderError',
    'InvalidAccessKeyId',
    'ExpiredToken',
  ];
  if (refusals.includes(name)) {
    const advice = 'Check the AWS credentials and s3:GetObject on the object.';
    return new StoreError('source-refused', `${uri} may not be read: ${name}: ${reasonOf(error)}. ${advice}`);
  }
  return toStoreError(error, 'interrupted', uri);
}
