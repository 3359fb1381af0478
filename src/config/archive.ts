// Where states of conversations are kept that outlive their process.
import { ConfigurationError, type Environment, readInteger, readText } from './environment.ts';

interface Expiry {
  /** CACHE_DAYS: days after which a state is no longer used. */
  readonly days: number;
}

export interface FolderArchiveConfig extends Expiry {
  readonly kind: 'folder';
  /**
   * CACHE_DIR: a folder that keeps states of conversations.
   * @see docs/configuration.md#conversations-that-outlive-their-process
   */
  readonly directory: string;
  /** CACHE_DIR_MB: megabytes (10^6 bytes) of states in that folder; the oldest are removed first. */
  readonly megabytes: number;
}

export interface BucketArchiveConfig extends Expiry {
  readonly kind: 'bucket';
  /** CACHE_BUCKET: an S3 bucket that keeps them instead, under `states/`. */
  readonly bucket: string;
}

export type ArchiveConfig = FolderArchiveConfig | BucketArchiveConfig;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and the alias of an access point. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Returns undefined where neither CACHE_DIR nor CACHE_BUCKET is set.
 *
 * @throws {ConfigurationError} naming the variable that is malformed, or that another one excludes
 */
export function readArchiveConfig(env: Environment): ArchiveConfig | undefined {
  const directory = readText(env, 'CACHE_DIR', undefined);
  const bucket = readText(env, 'CACHE_BUCKET', undefined);
  const days = readInteger(env, 'CACHE_DAYS', { min: 1, max: 3650, default: 7 });
  const megabytes = readInteger(env, 'CACHE_DIR_MB', { min: 1, max: 100_000_000, default: 4096 });
  if (bucket === undefined) {
    return directory === undefined ? undefined : { kind: 'folder', directory, megabytes, days };
  }
  if (directory !== undefined) {
    throw new ConfigurationError('CACHE_BUCKET', bucket, 'no value while CACHE_DIR is set');
  }
  if (!bucketName.test(bucket)) {
    throw new ConfigurationError('CACHE_BUCKET', bucket, 'the name of an S3 bucket');
  }
  return { kind: 'bucket', bucket, days };
}
