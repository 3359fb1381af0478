// Where states of conversations and responses are kept that outlive their process.
import { ConfigurationError, type Environment, readInteger, readText } from './environment.ts';

/** The first word of the variables of an archive: CACHE for states of conversations, RESPONSES for stored responses. */
export type ArchiveName = keyof typeof defaults;

interface NamedConfig {
  readonly name: ArchiveName;
  /** CACHE_DAYS, RESPONSES_DAYS: days after which nothing is used any more. Default 7 and 30. */
  readonly days: number;
}

export interface FolderArchiveConfig extends NamedConfig {
  readonly kind: 'folder';
  /** CACHE_DIR, RESPONSES_DIR */
  readonly directory: string;
  /** CACHE_DIR_MB, RESPONSES_DIR_MB: megabytes (10^6 bytes) of files; the oldest are removed first. Default 4096 and 1024. */
  readonly megabytes: number;
}

export interface BucketArchiveConfig extends NamedConfig {
  readonly kind: 'bucket';
  /** CACHE_BUCKET, RESPONSES_BUCKET */
  readonly bucket: string;
}

export type ArchiveConfig = FolderArchiveConfig | BucketArchiveConfig;

/** OpenAI keeps responses for 30 days too. */
const defaults = { CACHE: { days: 7, megabytes: 4096 }, RESPONSES: { days: 30, megabytes: 1024 } } as const;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and the alias of an access point. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Returns undefined where neither a folder nor a bucket is set.
 *
 * @throws {ConfigurationError} naming the variable that is malformed, or that another one excludes
 */
export function readArchiveConfig(env: Environment, name: ArchiveName): ArchiveConfig | undefined {
  const directory = readText(env, `${name}_DIR`, undefined);
  const bucket = readText(env, `${name}_BUCKET`, undefined);
  const days = readInteger(env, `${name}_DAYS`, { min: 1, max: 3650, default: defaults[name].days });
  const megabytes = readInteger(env, `${name}_DIR_MB`, {
    min: 1,
    max: 100_000_000,
    default: defaults[name].megabytes,
  });
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
