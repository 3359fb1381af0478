// Creates the AWS clients of the function `batch` from its environment variables.
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Environment } from '../config/environment.ts';
import { readBucketName, readQueueUrl } from './configuration.ts';
import type { ObjectStore } from './object-store.ts';
import { createS3Client, requestTimeouts, S3Store } from './s3-store.ts';

export interface BatchResources {
  readonly store: ObjectStore;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/** @throws {ConfigurationError} with the name of a missing variable */
export function readBatchResources(env: Environment): BatchResources {
  return {
    store: new S3Store(createS3Client(), readBucketName(env)),
    sqs: new SQSClient({ requestHandler: requestTimeouts }),
    queueUrl: readQueueUrl(env),
  };
}
