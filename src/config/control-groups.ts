// The control groups that this process is in: its own and those above it. Each may limit memory and processor time.
import { type ReadText, readIfThere } from './system-file.ts';

/** A hierarchy of control groups. */
export interface Hierarchy {
  /** The controller, as lines of /proc/self/cgroup have it. Version 2 has one hierarchy for all, without a name. */
  readonly controller: string;
  /** Where it is mounted. */
  readonly root: string;
}

/** The one hierarchy of version 2. */
export const version2: Hierarchy = { controller: '', root: '/sys/fs/cgroup' };

/**
 * Lists the folders of the process's own group and of those above it, the root last. A container sees its own group as the root,
 * whatever its path is outside, so some of the folders may not exist.
 */
export function listGroupFolders(
  { controller, root }: Hierarchy,
  read: ReadText = readIfThere,
): readonly string[] {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const [, , ...path] = lines.find(([, names]) => names?.split(',').includes(controller)) ?? [];
  const names = path
    .join(':')
    .split('/')
    .filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, index) =>
    [root, ...names.slice(0, names.length - index)].join('/'),
  );
}
