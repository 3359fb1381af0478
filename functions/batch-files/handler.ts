// The Lambda function `batch-files`.
import { readBucketName } from '../shared/batch/configuration.ts';
import { createS3Client, S3Store } from '../shared/batch/s3-store.ts';
import { definePipeline } from './pipeline.ts';

export const handler = definePipeline(new S3Store(createS3Client(), readBucketName(process.env)));
