// What the function works with in AWS, as its environment names it.
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Environment } from '../config/environment.ts';
import { readBucketName, readQueueUrl } from './configuration.ts';
import type { ObjectStore } from './object-store.ts';
import { createS3Client, patience, S3Store } from './s3-store.ts';

export interface BatchResources {
  readonly store: ObjectStore;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/** @throws {ConfigurationError} naming the variable that is missing */
export function readBatchResources(env: Environment): BatchResources {
  return {
    store: new S3Store(createS3Client(), readBucketName(env)),
    sqs: new SQSClient({ requestHandler: patience }),
    queueUrl: readQueueUrl(env),
  };
}
