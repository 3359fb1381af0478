// An object store in an S3 bucket.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { ObjectStore, ObjectWriter, StoredObject } from './object-store.ts';

/** Milliseconds without progress until a request fails; the SDK retries it. The SDK's default is to wait forever. */
export const requestTimeouts = { connectionTimeout: 5_000, socketTimeout: 30_000 };

/** S3 answers parallel writers with SlowDown until it has partitioned their keys. */
const maxAttempts = 10;

/** Creates a client that fails a request after 30 s without progress, and makes up to 10 attempts. */
export function createS3Client(settings: S3ClientConfig = {}): S3Client {
  return new S3Client({ requestHandler: requestTimeouts, maxAttempts, ...settings });
}

/** Its methods throw the errors of the AWS SDK. */
export class S3Store implements ObjectStore {
  readonly client: S3Client;
  readonly bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.client = client;
    this.bucket = bucket;
  }

  async find(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    try {
      const { Metadata = {} } = await this.client.send(new HeadObjectCommand(this.#at(key)));
      return Metadata;
    } catch (error) {
      if ((error as Error).name === 'NotFound') return undefined;
      throw error;
    }
  }

  async create(
    key: string,
    body: string,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<'created' | 'exists'> {
    const input = { ...this.#at(key), Body: body, Metadata: { ...metadata }, IfNoneMatch: '*' };
    for (;;) {
      try {
        await this.client.send(new PutObjectCommand(input));
        return 'created';
      } catch (error) {
        const { name } = error as Error;
        if (name === 'PreconditionFailed') return 'exists';
        // A concurrent request is creating the object and may still fail.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        if (name !== 'ConditionalRequestConflict') throw error;
      }
    }
  }

  async put(key: string, body: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ ...this.#at(key), Body: body }));
  }

  async read(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const Range = range && `bytes=${range.start}-${range.end - 1}`;
    return (await this.#get(key, Range)).transformToByteArray();
  }

  async stream(key: string): Promise<AsyncIterable<Uint8Array>> {
    // In Node the body is a Node stream. Node streams are async iterable.
    return (await this.#get(key)) as unknown as AsyncIterable<Uint8Array>;
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, void> {
    let token: string | undefined;
    do {
      const page: ListObjectsV2CommandOutput = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, ContinuationToken: token }),
      );
      for (const { Key, Size = 0 } of page.Contents ?? [])
        if (Key !== undefined) yield { key: Key, size: Size };
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  write(key: string): ObjectWriter {
    const stream = new PassThrough();
    const upload = new Upload({ client: this.client, params: { ...this.#at(key), Body: stream } });
    const done = upload.done();
    // `write` and `finish` report the error of the upload.
    stream.on('error', () => {});
    done.catch((error: unknown) => stream.destroy(error as Error));
    return {
      write: async (content) => {
        try {
          if (stream.destroyed) throw new Error(`The upload of ${key} has ended.`);
          if (!stream.write(content)) await once(stream, 'drain');
        } catch (error) {
          // The stream was destroyed because the upload failed: throw the error of the upload.
          await done;
          throw error;
        }
      },
      finish: async () => {
        stream.end();
        await done;
      },
      abandon: async () => {
        // Destroy the source instead of aborting: only then does `done` wait until the parts are removed.
        stream.destroy(new Error(`The upload of ${key} was abandoned.`));
        await done.catch(() => {});
      },
    };
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: key };
  }

  async #get(key: string, Range?: string) {
    const { Body } = await this.client.send(new GetObjectCommand({ ...this.#at(key), Range }));
    if (Body === undefined) throw new Error(`S3 returned no body for ${key}.`);
    return Body;
  }
}
