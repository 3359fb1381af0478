import { expect, it } from 'vitest';
import { readArchiveConfig } from '../../../src/config/archive.ts';

it.each([
  [{}, undefined],
  [{ CACHE_DIR: ' ', CACHE_BUCKET: '', CACHE_DAYS: '3' }, undefined],
  [{ CACHE_DIR: '/states' }, { kind: 'folder', directory: '/states', megabytes: 4096, days: 7 }],
  [
    { CACHE_DIR: '/states', CACHE_DIR_MB: '100', CACHE_DAYS: '1' },
    { kind: 'folder', directory: '/states', megabytes: 100, days: 1 },
  ],
  [{ CACHE_BUCKET: 'my-states' }, { kind: 'bucket', bucket: 'my-states', days: 7 }],
])('reads the archive of %j', (env, config) => {
  expect(readArchiveConfig(env)).toEqual(config);
});

it.each([
  [
    { CACHE_DIR: '/states', CACHE_BUCKET: 'states' },
    'CACHE_BUCKET="states" cannot be used: expected no value while CACHE_DIR is set.',
  ],
  [
    { CACHE_BUCKET: 's3://states' },
    'CACHE_BUCKET="s3://states" cannot be used: expected the name of an S3 bucket.',
  ],
  [{ CACHE_DAYS: '0' }, 'CACHE_DAYS="0" cannot be used: expected a whole number from 1 to 3650.'],
  [{ CACHE_DIR_MB: 'much' }, 'CACHE_DIR_MB="much" cannot be used'],
])('refuses %j by name', (env, message) => {
  expect(() => readArchiveConfig(env)).toThrow(message);
});
