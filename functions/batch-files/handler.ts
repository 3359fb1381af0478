// The Lambda function `batch-files`.
import { readBucketName } from '../../src/batch/configuration.ts';
import { definePipeline } from '../../src/batch/files/pipeline.ts';
import { createS3Client, S3Store } from '../../src/batch/s3-store.ts';

export const handler = definePipeline(new S3Store(createS3Client(), readBucketName(process.env)));
