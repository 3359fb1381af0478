import { describe, expect, it } from 'vitest';
import { readFunctionMegabytes, readMemoryLimits, toMemoryRoom } from '../../../src/config/memory.ts';

const mebibyte = 1024 * 1024;
const machine = {
  '/proc/meminfo': 'MemTotal:       16777216 kB\nMemFree:         1000000 kB\nMemAvailable:    8388608 kB\n',
  '/proc/self/status': 'Name:\tnode\nRssAnon:\t   40960 kB\n',
};

/** Reads texts in the place of files. */
function readFrom(files: Readonly<Record<string, string>>) {
  return (path: string) => ({ ...machine, ...files })[path];
}

const version2 = readFrom({
  '/proc/self/cgroup': '0::/system.slice/gguf.service\n',
  '/sys/fs/cgroup/system.slice/gguf.service/memory.max': 'max\n',
  '/sys/fs/cgroup/system.slice/memory.max': `${512 * mebibyte}\n`,
  '/sys/fs/cgroup/system.slice/memory.current': `${300 * mebibyte}\n`,
  '/sys/fs/cgroup/system.slice/memory.stat': `anon ${100 * mebibyte}\ninactive_file ${120 * mebibyte}\nactive_file ${60 * mebibyte}\n`,
});

/** In a container, whose own group is the root, whatever its path is outside. */
const version1 = readFrom({
  '/proc/self/cgroup': '9:cpu:/libpod_parent/libpod-1\n4:memory:/libpod_parent/libpod-1\n0::/\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${256 * mebibyte}\n`,
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${90 * mebibyte}\n`,
  '/sys/fs/cgroup/memory/memory.stat': `cache ${40 * mebibyte}\ninactive_file 0\ntotal_inactive_file ${20 * mebibyte}\ntotal_active_file ${10 * mebibyte}\n`,
});

describe('readMemoryLimits', () => {
  it('reads the free memory of the machine', () => {
    expect(readMemoryLimits({}, readFrom({}))).toEqual({
      free: 8192 * mebibyte,
      groups: [],
      functionSize: undefined,
      own: 40 * mebibyte,
    });
  });

  it('reads the limits of control groups of version 2, of those above as well', () => {
    expect(readMemoryLimits({}, version2).groups).toEqual([{ limit: 512 * mebibyte, used: 120 * mebibyte }]);
  });

  it('reads the limit of a container in version 1', () => {
    expect(readMemoryLimits({}, version1).groups).toEqual([{ limit: 256 * mebibyte, used: 60 * mebibyte }]);
  });

  it('takes the huge number that version 1 writes for no limit', () => {
    const read = readFrom({
      '/proc/self/cgroup': '4:memory:/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    });

    expect(readMemoryLimits({}, read).groups).toEqual([]);
  });

  it('reads the size of the function, whose megabytes have 1,024 kibibytes', () => {
    const env = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769' };

    expect(readMemoryLimits(env, readFrom({})).functionSize).toBe(1769 * mebibyte);
  });
});

describe('toMemoryRoom', () => {
  const limits = { free: 8192 * mebibyte, groups: [], functionSize: undefined, own: 40 * mebibyte };

  it('counts what the process has already to what it may take', () => {
    expect(toMemoryRoom(limits)).toEqual({ bytes: 8232 * mebibyte, limit: 'the machine has no more free' });
  });

  it('takes the least', () => {
    const groups = [
      { limit: 512 * mebibyte, used: 120 * mebibyte },
      { limit: 4096 * mebibyte, used: 4000 * mebibyte },
    ];

    expect(toMemoryRoom({ ...limits, groups })).toEqual({
      bytes: 136 * mebibyte,
      limit: 'the container may have 4096 MiB',
    });
    expect(toMemoryRoom({ ...limits, functionSize: 100 * mebibyte })).toEqual({
      bytes: 100 * mebibyte,
      limit: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE is 100',
    });
  });

  it('has no bound where nothing is known', () => {
    const { bytes } = toMemoryRoom({ free: undefined, groups: [], functionSize: undefined, own: 0 });

    expect(bytes).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('readFunctionMegabytes', () => {
  it.each([
    ['the variable', { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512' }, version2, 512],
    ["the container's limit", {}, version1, 256],
    ["the machine's memory", {}, readFrom({}), 16_384],
  ])('is %s', (_, env, read, megabytes) => {
    expect(readFunctionMegabytes(env, read)).toBe(megabytes);
  });
});
