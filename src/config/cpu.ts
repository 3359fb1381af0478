// How many threads may decode. A thread beyond the CPU quota makes decoding many times slower, because
// llama.cpp's threads wait for each other by spinning.
import { availableParallelism } from 'node:os';
import { listGroupFolders, version2 } from './control-groups.ts';
import { type Environment, readInteger, readLambdaMegabytes } from './environment.ts';
import { type ReadText, readIfThere } from './system-file.ts';

/**
 * Memory that brings one whole virtual CPU on Lambda, in MB.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 */
export const lambdaMegabytesPerCpu = 1769;

/** What bounds the CPU time of this process, in virtual CPUs. */
export interface CpuLimits {
  /** Processors the process may run on. Lambda shows 2 from the smallest size up, so it is no quota. */
  readonly processors: number;
  /** The least quota of the process's control groups, when one has a quota. */
  readonly cgroupQuota: number | undefined;
  /** The share that a Lambda function's memory buys, when on Lambda. */
  readonly lambdaShare: number | undefined;
}

/** Whole virtual CPUs within every limit, and at least one. */
export function threadsFor({ processors, cgroupQuota, lambdaShare }: CpuLimits): number {
  return Math.max(1, Math.floor(Math.min(processors, cgroupQuota ?? Infinity, lambdaShare ?? Infinity)));
}

export interface Threads {
  /** How many decode. */
  readonly count: number;
  /** Whether fewer do while other processes keep the processors busy. */
  readonly adapts: boolean;
}

/**
 * The threads that decode: exactly THREADS, or at most MAX_THREADS, or at most as many as the process may keep busy. 256 is half
 * of llama.cpp's GGML_MAX_N_THREADS.
 *
 * @throws {ConfigurationError} when one of them is not a whole number from 1 to 256
 */
export function readThreads(env: Environment): Threads {
  /** THREADS: exactly so many threads decode, whatever else runs. More than the CPU quota are many times slower. */
  const exact = readInteger(env, 'THREADS', { min: 1, max: 256, default: undefined });
  if (exact !== undefined) return { count: exact, adapts: false };
  /**
   * MAX_THREADS: threads that decode when nothing else runs. While others keep the processors busy, fewer do.
   * @default the CPU quota, rounded down
   */
  const most = readInteger(env, 'MAX_THREADS', { min: 1, max: 256, default: undefined });
  const count = most ?? threadsFor(readCpuLimits(env));
  return { count, adapts: count > 1 };
}

function readCpuLimits(env: Environment): CpuLimits {
  const memory = readLambdaMegabytes(env);
  return {
    processors: availableParallelism(),
    cgroupQuota: readCgroupQuota(),
    lambdaShare: memory === undefined ? undefined : memory / lambdaMegabytesPerCpu,
  };
}

/** Parses cgroup v2's `cpu.max` ("quota period" or "max period"), or v1's two files, in microseconds. */
export function toCpuQuota(quota: string | undefined, period: string | undefined): number | undefined {
  const [quotaMicros, periodMicros] = [Number(quota), Number(period)];
  return quotaMicros > 0 && periodMicros > 0 ? quotaMicros / periodMicros : undefined;
}

/** Reads the least quota of the control groups that this process is in, in virtual CPUs. */
export function readCgroupQuota(read: ReadText = readIfThere): number | undefined {
  const quotas = [
    ...listGroupFolders(version2, read).map((folder) => {
      const [quota, period] = read(`${folder}/cpu.max`)?.trim().split(/\s+/) ?? [];
      return toCpuQuota(quota, period);
    }),
    ...listGroupFolders({ controller: 'cpu', root: '/sys/fs/cgroup/cpu' }, read).map((folder) =>
      toCpuQuota(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)),
    ),
  ].filter((quota) => quota !== undefined);
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}
