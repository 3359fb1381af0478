// An archive in an S3 bucket. In its own file, so that only those with a bucket load the SDK.
import { performance } from 'node:perf_hooks';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { BucketArchiveConfig } from '../config/archive.ts';
import type { TransferEstimate } from '../engine/state-archive.ts';
import type { Archive } from './archive.ts';
import { type ArchiveOptions, Availability } from './availability.ts';
import { type Contents, contentsOf } from './contents.ts';
import { TransferTime, toEstimate } from './transfer-time.ts';

const dayMs = 24 * 3_600_000;

/** A transfer that takes longer is given up. */
const readLimitMs = 15_000;
const writeLimitMs = 60_000;

/** S3 from a function in the same region, with a new connection. */
const firstGuess = { delayMs: 100, bytesPerMs: 60_000 };

/** The SDK's own timeouts are none. A request that waits longer without progress fails, and is made once more. */
const clientSettings = {
  requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 },
  maxAttempts: 2,
};

export class BucketArchive implements Archive {
  readonly expected: TransferEstimate;
  readonly #config: BucketArchiveConfig;
  readonly #options: ArchiveOptions;
  readonly #contents: Contents;
  readonly #readable: Availability;
  readonly #writable: Availability;
  readonly #reading = new TransferTime(firstGuess);
  readonly #writing = new TransferTime(firstGuess);
  /** Keys of objects that were found damaged. They are not read again. */
  readonly #damaged = new Set<string>();
  #s3: S3Client | undefined;

  constructor(config: BucketArchiveConfig, options: ArchiveOptions) {
    this.#config = config;
    this.#options = options;
    this.#contents = contentsOf[config.name];
    this.#readable = new Availability(options, this.#contents);
    this.#writable = new Availability(options, this.#contents);
    this.expected = toEstimate(this.#reading, this.#writing);
  }

  get isReadable(): boolean {
    return !this.#readable.hasFailed;
  }

  async read(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    if (this.#readable.isPaused || this.#damaged.has(key)) return undefined;
    const limit = AbortSignal.timeout(readLimitMs);
    const abortSignal = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    try {
      const bytes = await this.#get(key, abortSignal);
      this.#readable.succeeded();
      return bytes;
    } catch (error) {
      signal?.throwIfAborted();
      if (isDamage(error)) this.#discard(key, error);
      else this.#readable.failed(`${this.#setting} cannot be read`, error);
      return undefined;
    }
  }

  async write(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#writable.isPaused) return false;
    const startedAt = performance.now();
    try {
      // S3 compares the checksum that the SDK sends, and keeps it.
      await this.#client.send(
        new PutObjectCommand({ ...this.#at(key), Body: bytes, ChecksumAlgorithm: 'CRC32' }),
        { abortSignal: AbortSignal.timeout(writeLimitMs) },
      );
      this.#writing.learn(bytes.length, performance.now() - startedAt);
      this.#damaged.delete(key);
      this.#writable.succeeded();
      return true;
    } catch (error) {
      this.#writable.failed(`${this.#setting} cannot be written`, error);
      return false;
    }
  }

  async remove(key: string): Promise<boolean> {
    try {
      await this.#client.send(new DeleteObjectCommand(this.#at(key)), {
        abortSignal: AbortSignal.timeout(writeLimitMs),
      });
      return true;
    } catch (error) {
      this.#writable.failed(`${this.#setting} cannot be written`, error);
      return false;
    }
  }

  get #setting(): string {
    return `${this.#config.name}_BUCKET=${this.#config.bucket}`;
  }

  /** Made when it is first needed, because a snapshot of the environment must hold no credentials. */
  get #client(): S3Client {
    this.#s3 ??= new S3Client(clientSettings);
    return this.#s3;
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#config.bucket, Key: `${this.#contents.prefix}${key}` };
  }

  async #get(key: string, abortSignal: AbortSignal): Promise<Uint8Array | undefined> {
    const startedAt = performance.now();
    const found = await this.#find(key, abortSignal);
    this.#reading.learnDelay(performance.now() - startedAt);
    if (found === undefined) return undefined;
    const { Body, ContentLength, LastModified, ChecksumCRC32 } = found;
    const stream = Body as unknown as AsyncIterable<Uint8Array> & { destroy(): void };
    const writtenAt = LastModified?.getTime() ?? 0;
    const now = (this.#options.now ?? Date.now)();
    if (writtenAt < now - this.#config.days * dayMs) {
      stream.destroy();
      return undefined;
    }
    if (ChecksumCRC32 === undefined || ContentLength === undefined) {
      stream.destroy();
      throw new Error('Checksum mismatch: it has none');
    }
    const bytes = Buffer.allocUnsafeSlow(ContentLength);
    let length = 0;
    // The SDK compares the checksum at the end of the stream.
    for await (const piece of stream) {
      bytes.set(piece, length);
      length += piece.length;
    }
    this.#reading.learn(length, performance.now() - startedAt);
    return bytes;
  }

  async #find(key: string, abortSignal: AbortSignal) {
    try {
      const command = new GetObjectCommand({ ...this.#at(key), ChecksumMode: 'ENABLED' });
      return await this.#client.send(command, { abortSignal });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #discard(key: string, error: Error): void {
    const { title, prefix } = this.#contents;
    this.#damaged.add(key);
    this.#options.warn(
      `${title} is not used: ${prefix}${key} in ${this.#config.bucket} is damaged (${error.message}).`,
    );
  }
}

/**
 * Whether S3 has no such object. Without the permission to list a bucket, which would show all of its keys, S3 reports a
 * missing object as access denied, and names that permission.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'NoSuchKey') return true;
  return error.name === 'AccessDenied' && !/not authorized to perform: (?!s3:ListBucket)/.test(error.message);
}

/** The SDK has no class for it. */
function isDamage(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith('Checksum mismatch');
}
