// Whether the process that has left its number in a file or in a name still runs.

/**
 * Returns true when another process with this number runs. This process's own number is that of a dead one: numbers repeat
 * in containers. Callers keep track of their own files.
 */
export function isOtherProcessRunning(pid: number): boolean {
  // 0 and negative numbers are groups of processes.
  if (pid === process.pid || !(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
