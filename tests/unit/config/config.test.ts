import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { threadsFor, toCpuQuota } from '../../../src/config/cpu.ts';

describe('readConfig', () => {
  it('takes what is set and defaults what is blank', () => {
    expect(readConfig({ MODEL_DIR: ' /model ', CONTEXT_SIZE: '', THREADS: '3' })).toEqual({
      verifyModel: false,
      cacheScope: 'all',
      modelDirectory: '/model',
      contextSize: 'auto',
      threads: { count: 3, adapts: false },
      slots: 1,
      lookupTokens: 8,
      kvType: 'auto',
      cacheRule: 'common',
      cacheMegabytes: 'auto',
      memory: { bytes: expect.any(Number), limit: expect.any(String) },
      queueLimit: 64,
      apiKey: undefined,
      cors: undefined,
      chatTemplate: undefined,
      imagePlaceholders: false,
      strictFields: false,
      strictModel: false,
      modelAliases: [],
    });
  });

  it('reads how strict the server is, and the names of its model', () => {
    const env = {
      MODEL_DIR: '/m',
      STRICT_FIELDS: 'true',
      STRICT_MODEL: 'true',
      MODEL_ALIASES: ' gpt-4o , tiny,tiny',
    };

    expect(readConfig(env)).toMatchObject({
      strictFields: true,
      strictModel: true,
      modelAliases: ['gpt-4o', 'tiny'],
    });
  });

  it.each([
    [{}, 'MODEL_DIR="" cannot be used: expected the folder of the model.'],
    [
      { MODEL_DIR: '/model', CONTEXT_SIZE: '2k' },
      'CONTEXT_SIZE="2k" cannot be used: expected auto or a whole number from 16 to 1048576.',
    ],
    [
      { MODEL_DIR: '/model', THREADS: '0' },
      'THREADS="0" cannot be used: expected a whole number from 1 to 256.',
    ],
    [{ MODEL_DIR: '/model', THREADS: '1e1' }, 'THREADS="1e1" cannot be used'],
    [
      { MODEL_DIR: '/model', STRICT_FIELDS: 'yes' },
      'STRICT_FIELDS="yes" cannot be used: expected false or true.',
    ],
    [{ MODEL_DIR: '/model', KV_TYPE: 'f8' }, 'KV_TYPE="f8" cannot be used: expected auto, f16 or q8_0.'],
    [
      { MODEL_DIR: '/model', MODEL_ALIASES: 'gpt-4o,,gpt-4' },
      'MODEL_ALIASES="gpt-4o,,gpt-4" cannot be used: expected names separated by commas.',
    ],
  ])('refuses %j by name', (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });
});

describe('threadsFor', () => {
  it.each([
    ['a machine of two processors', { processors: 2, cgroupQuota: undefined, lambdaShare: undefined }, 2],
    ['half a processor', { processors: 2, cgroupQuota: 0.5, lambdaShare: undefined }, 1],
    [
      '512 MB on Lambda, which shows two processors',
      { processors: 2, cgroupQuota: undefined, lambdaShare: 512 / 1769 },
      1,
    ],
    ['1,769 MB on Lambda', { processors: 2, cgroupQuota: undefined, lambdaShare: 1 }, 1],
    ['3,538 MB on Lambda', { processors: 3, cgroupQuota: undefined, lambdaShare: 2 }, 2],
    ['the smallest of several limits', { processors: 8, cgroupQuota: 3.5, lambdaShare: 5.8 }, 3],
  ])('gives whole processors of %s', (_, limits, threads) => {
    expect(threadsFor(limits)).toBe(threads);
  });
});

describe('toCpuQuota', () => {
  it.each([
    ['50000', '100000', 0.5],
    ['max', '100000', undefined],
    ['-1', '100000', undefined],
    [undefined, undefined, undefined],
  ])('reads %s of %s microseconds', (quota, period, cpus) => {
    expect(toCpuQuota(quota, period)).toBe(cpus);
  });
});
