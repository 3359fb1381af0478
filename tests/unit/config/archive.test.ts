import { expect, it } from 'vitest';
import { type ArchiveConfig, type ArchiveName, readArchiveConfig } from '../../../src/config/archive.ts';

it.each<[ArchiveName, Record<string, string>, ArchiveConfig | undefined]>([
  ['CACHE', {}, undefined],
  ['CACHE', { CACHE_DIR: ' ', CACHE_BUCKET: '', CACHE_DAYS: '3' }, undefined],
  ['CACHE', { RESPONSES_DIR: '/responses', RESPONSES_BUCKET: 'responses' }, undefined],
  [
    'CACHE',
    { CACHE_DIR: '/states' },
    { name: 'CACHE', kind: 'folder', directory: '/states', megabytes: 4096, days: 7 },
  ],
  [
    'CACHE',
    { CACHE_DIR: '/states', CACHE_DIR_MB: '100', CACHE_DAYS: '1' },
    { name: 'CACHE', kind: 'folder', directory: '/states', megabytes: 100, days: 1 },
  ],
  ['CACHE', { CACHE_BUCKET: 'my-states' }, { name: 'CACHE', kind: 'bucket', bucket: 'my-states', days: 7 }],
  [
    'RESPONSES',
    { RESPONSES_DIR: '/responses' },
    { name: 'RESPONSES', kind: 'folder', directory: '/responses', megabytes: 1024, days: 30 },
  ],
  [
    'RESPONSES',
    { RESPONSES_BUCKET: 'responses', RESPONSES_DAYS: '2', CACHE_BUCKET: 'states' },
    { name: 'RESPONSES', kind: 'bucket', bucket: 'responses', days: 2 },
  ],
])('reads the archive %s of %j', (name, env, config) => {
  expect(readArchiveConfig(env, name)).toEqual(config);
});

it.each<[ArchiveName, Record<string, string>, string]>([
  [
    'CACHE',
    { CACHE_DIR: '/states', CACHE_BUCKET: 'states' },
    'CACHE_BUCKET="states" cannot be used: expected no value while CACHE_DIR is set.',
  ],
  [
    'CACHE',
    { CACHE_BUCKET: 's3://states' },
    'CACHE_BUCKET="s3://states" cannot be used: expected the name of an S3 bucket.',
  ],
  ['CACHE', { CACHE_DAYS: '0' }, 'CACHE_DAYS="0" cannot be used: expected a whole number from 1 to 3650.'],
  ['CACHE', { CACHE_DIR_MB: 'much' }, 'CACHE_DIR_MB="much" cannot be used'],
  ['RESPONSES', { RESPONSES_DAYS: '0' }, 'RESPONSES_DAYS="0" cannot be used'],
  [
    'RESPONSES',
    { RESPONSES_DIR: '/responses', RESPONSES_BUCKET: 'responses' },
    'RESPONSES_BUCKET="responses" cannot be used: expected no value while RESPONSES_DIR is set.',
  ],
])('refuses %s of %j by name', (name, env, message) => {
  expect(() => readArchiveConfig(env, name)).toThrow(message);
});
