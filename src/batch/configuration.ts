// The environment variables of the batch functions.
import { type Environment, readRequiredText } from '../config/environment.ts';

/**
 * BATCH_BUCKET: the bucket of the functions for batches.
 *
 * @throws {ConfigurationError} when it is missing
 */
export function readBucketName(env: Environment): string {
  return readRequiredText(env, 'BATCH_BUCKET', 'the name of the batch bucket');
}

/**
 * BATCH_QUEUE_URL: their queue.
 *
 * @throws {ConfigurationError} when it is missing
 */
export function readQueueUrl(env: Environment): string {
  return readRequiredText(env, 'BATCH_QUEUE_URL', 'the URL of the batch queue');
}
