// How much memory this process may take: the least of what its container may have, what the machine has free, and the size of
// the Lambda function. A process that takes more is killed without a word.
import type { MemoryRoom } from '../engine/memory.ts';
import { toMebibytes } from '../engine/memory.ts';
import { listGroupFolders, version2 } from './control-groups.ts';
import { type Environment, readLambdaMegabytes } from './environment.ts';
import { type ReadText, readIfThere } from './system-file.ts';

/** A control group that this process is in. Bytes. */
interface GroupMemory {
  readonly limit: number;
  /** What its processes have, this one included, without the files in the page cache, which can be dropped. */
  readonly used: number;
}

/** What bounds the memory of this process. Bytes. */
export interface MemoryLimits {
  /** The machine's free memory, page cache included. */
  readonly free: number | undefined;
  /** The control groups with a limit, from the process's own to the root. */
  readonly groups: readonly GroupMemory[];
  /** The size of the Lambda function. */
  readonly functionSize: number | undefined;
  /** Private memory that this process has already. */
  readonly own: number;
}

/** The least that any limit leaves to this process. */
export function toMemoryRoom({ free, groups, functionSize, own }: MemoryLimits): MemoryRoom {
  const rooms: MemoryRoom[] = groups.map(({ limit, used }) => ({
    bytes: limit - used + own,
    limit: `the container may have ${toMebibytes(limit)} MiB`,
  }));
  if (free !== undefined) rooms.push({ bytes: free + own, limit: 'the machine has no more free' });
  if (functionSize !== undefined) {
    const limit = `AWS_LAMBDA_FUNCTION_MEMORY_SIZE is ${toMebibytes(functionSize)}`;
    rooms.push({ bytes: functionSize, limit });
  }
  const unlimited: MemoryRoom = { bytes: Number.MAX_SAFE_INTEGER, limit: 'no limit is known' };
  return rooms.reduce((least, room) => (room.bytes < least.bytes ? room : least), unlimited);
}

/**
 * Reads what bounds the memory of this process.
 *
 * @throws {ConfigurationError} when AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not a whole number from 1 to 1,000,000
 */
export function readMemoryLimits(env: Environment, read: ReadText = readIfThere): MemoryLimits {
  const megabytes = readLambdaMegabytes(env);
  return {
    free: kibibytesOf(read('/proc/meminfo'), 'MemAvailable'),
    groups: readGroups(read),
    // What Lambda calls a megabyte has 1,024 kibibytes.
    functionSize: megabytes === undefined ? undefined : megabytes * 1024 * 1024,
    own: kibibytesOf(read('/proc/self/status'), 'RssAnon') ?? 0,
  };
}

/**
 * The size of a function that is emulated here: AWS_LAMBDA_FUNCTION_MEMORY_SIZE, or what the machine and the container have.
 *
 * @throws {ConfigurationError} when AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not a whole number from 1 to 1,000,000
 */
export function readFunctionMegabytes(env: Environment, read: ReadText = readIfThere): number {
  const limits = readMemoryLimits(env, read);
  const machine = kibibytesOf(read('/proc/meminfo'), 'MemTotal') ?? Number.MAX_SAFE_INTEGER;
  const bytes = limits.functionSize ?? Math.min(machine, ...limits.groups.map(({ limit }) => limit));
  return Math.min(1_000_000, toMebibytes(bytes));
}

/** The files of a control group's memory. Version 1 writes a huge number where there is no limit, version 2 `max`. */
const versions = [
  {
    hierarchy: version2,
    limit: 'memory.max',
    usage: 'memory.current',
    files: ['inactive_file', 'active_file'],
  },
  {
    hierarchy: { controller: 'memory', root: '/sys/fs/cgroup/memory' },
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    files: ['total_inactive_file', 'total_active_file'],
  },
] as const;

function readGroups(read: ReadText): GroupMemory[] {
  return versions.flatMap(({ hierarchy, limit, usage, files }) =>
    listGroupFolders(hierarchy, read).flatMap((folder) => {
      const bytes = Number(read(`${folder}/${limit}`)?.trim());
      if (!(bytes < Number.MAX_SAFE_INTEGER)) return [];
      const statistics = read(`${folder}/memory.stat`);
      const cached = files
        .map((name) => numberOf(statistics, name) ?? 0)
        .reduce((sum, each) => sum + each, 0);
      return { limit: bytes, used: Number(read(`${folder}/${usage}`)?.trim() ?? 0) - cached };
    }),
  );
}

/** The number behind a name in lines of `name number`, or of `name: number kB`. */
function numberOf(text: string | undefined, name: string): number | undefined {
  const [, digits] = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function kibibytesOf(text: string | undefined, name: string): number | undefined {
  const number = numberOf(text, name);
  return number === undefined ? undefined : number * 1024;
}
