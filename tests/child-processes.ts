// Child processes that end with the process of the tests, also when a test has failed before its clean-up.
import type { ChildProcess } from 'node:child_process';

const children: ChildProcess[] = [];

function endChildren(): void {
  for (const child of children) child.kill();
}

process.once('exit', endChildren);
// Vitest ends the process of a test file so.
process.once('SIGTERM', () => {
  endChildren();
  process.kill(process.pid, 'SIGTERM');
});

/** Has a child process end with this one. */
export function endWithTests(child: ChildProcess): void {
  children.push(child);
}
