// The environment variables of the batch functions.
import { type Environment, readRequiredText } from '../config/environment.ts';

/** @throws {ConfigurationError} when BATCH_BUCKET is missing */
export function readBucketName(env: Environment): string {
  return readRequiredText(env, 'BATCH_BUCKET', 'the name of the batch bucket');
}

/** @throws {ConfigurationError} when BATCH_QUEUE_URL is missing */
export function readQueueUrl(env: Environment): string {
  return readRequiredText(env, 'BATCH_QUEUE_URL', 'the URL of the batch queue');
}
