import { describe, expect, it } from 'vitest';
import { readCgroupQuota, readThreads } from '../../../src/config/cpu.ts';

const oneProcessor = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769' };

describe('readThreads', () => {
  it('decodes with exactly THREADS threads', () => {
    expect(readThreads({ THREADS: '3', MAX_THREADS: '5' })).toEqual({ count: 3, adapts: false });
  });

  it('decodes with at most MAX_THREADS threads', () => {
    expect(readThreads({ MAX_THREADS: '5' })).toEqual({ count: 5, adapts: true });
  });

  it('has nothing to adapt with one processor', () => {
    expect(readThreads(oneProcessor)).toEqual({ count: 1, adapts: false });
  });

  it.each(['0', '257', 'two'])('refuses MAX_THREADS=%s', (value) => {
    expect(() => readThreads({ MAX_THREADS: value })).toThrow(
      `MAX_THREADS="${value}" cannot be used: expected a whole number from 1 to 256.`,
    );
  });
});

describe('readCgroupQuota', () => {
  const unit = '/sys/fs/cgroup/system.slice/gguf.service';

  it.each<[string, Readonly<Record<string, string>>, number | undefined]>([
    [
      'a unit of systemd',
      { '/proc/self/cgroup': '0::/system.slice/gguf.service\n', [`${unit}/cpu.max`]: '200000 100000\n' },
      2,
    ],
    [
      'a group above, which has less',
      {
        '/proc/self/cgroup': '0::/system.slice/gguf.service\n',
        [`${unit}/cpu.max`]: '400000 100000\n',
        '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
      },
      1.5,
    ],
    [
      'a group without a quota',
      { '/proc/self/cgroup': '0::/system.slice/gguf.service\n', [`${unit}/cpu.max`]: 'max 100000\n' },
      undefined,
    ],
    [
      'a container, whose own group is the root',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      0.5,
    ],
    ['a container that does not show its group', { '/sys/fs/cgroup/cpu.max': '50000 100000\n' }, 0.5],
    [
      'version 1, which joins the names of controllers',
      {
        '/proc/self/cgroup': '4:memory:/m\n3:cpu,cpuacct:/docker/a\n0::/\n',
        '/sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    ['a machine without control groups', {}, undefined],
  ])('reads %s', (_, files, processors) => {
    expect(readCgroupQuota((path) => files[path])).toBe(processors);
  });
});
