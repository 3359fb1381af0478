// Where states of conversations and responses are kept that outlive their process.
import { ConfigurationError, type Environment, readInteger, readText } from './environment.ts';

/** The first word of the variables of an archive: CACHE of states of conversations, RESPONSES of stored responses. */
export type ArchiveName = 'CACHE' | 'RESPONSES';

interface NamedConfig {
  readonly name: ArchiveName;
  /** Days after which nothing is used any more. */
  readonly days: number;
}

export interface FolderArchiveConfig extends NamedConfig {
  readonly kind: 'folder';
  readonly directory: string;
  /** Megabytes (10^6 bytes) of files. The oldest are removed first. */
  readonly megabytes: number;
}

export interface BucketArchiveConfig extends NamedConfig {
  readonly kind: 'bucket';
  readonly bucket: string;
}

export type ArchiveConfig = FolderArchiveConfig | BucketArchiveConfig;

interface Settings {
  readonly days: number;
  readonly directory: string | undefined;
  readonly megabytes: number;
  readonly bucket: string | undefined;
}

const readers: Readonly<Record<ArchiveName, (env: Environment) => Settings>> = {
  CACHE: (env) => ({
    /** CACHE_DAYS: days after which a state is no longer used. */
    days: readInteger(env, 'CACHE_DAYS', { min: 1, max: 3650, default: 7 }),
    /**
     * CACHE_DIR: a folder that keeps states of conversations.
     * @see docs/configuration.md#conversations-that-outlive-their-process
     */
    directory: readText(env, 'CACHE_DIR', undefined),
    /** CACHE_DIR_MB: megabytes (10^6 bytes) of states in that folder; the oldest are removed first. */
    megabytes: readInteger(env, 'CACHE_DIR_MB', { min: 1, max: 100_000_000, default: 4096 }),
    /** CACHE_BUCKET: an S3 bucket that keeps them instead, under `states/`. */
    bucket: readText(env, 'CACHE_BUCKET', undefined),
  }),
  RESPONSES: (env) => ({
    /** RESPONSES_DAYS: days after which a stored response is no longer used. OpenAI keeps them as long. */
    days: readInteger(env, 'RESPONSES_DAYS', { min: 1, max: 3650, default: 30 }),
    /**
     * RESPONSES_DIR: a folder that keeps the responses of `/v1/responses`.
     * @see docs/configuration.md#stored-responses
     */
    directory: readText(env, 'RESPONSES_DIR', undefined),
    /** RESPONSES_DIR_MB: megabytes (10^6 bytes) of responses in that folder; the oldest are removed first. */
    megabytes: readInteger(env, 'RESPONSES_DIR_MB', { min: 1, max: 100_000_000, default: 1024 }),
    /** RESPONSES_BUCKET: an S3 bucket that keeps them instead, under `responses/`. */
    bucket: readText(env, 'RESPONSES_BUCKET', undefined),
  }),
};

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and the alias of an access point. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Returns undefined where neither a folder nor a bucket is set.
 *
 * @throws {ConfigurationError} naming the variable that is malformed, or that another one excludes
 */
export function readArchiveConfig(env: Environment, name: ArchiveName): ArchiveConfig | undefined {
  const { days, directory, megabytes, bucket } = readers[name](env);
  if (bucket === undefined) {
    return directory === undefined ? undefined : { name, kind: 'folder', directory, megabytes, days };
  }
  if (directory !== undefined) {
    throw new ConfigurationError(`${name}_BUCKET`, bucket, `no value while ${name}_DIR is set`);
  }
  if (!bucketName.test(bucket)) {
    throw new ConfigurationError(`${name}_BUCKET`, bucket, 'the name of an S3 bucket');
  }
  return { name, kind: 'bucket', bucket, days };
}
