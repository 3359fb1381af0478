// Processes found by a variable of their environment, which they pass on to all that they start.
import { readdirSync, readFileSync } from 'node:fs';

/** The living processes with `NAME=value` in their environment, as their numbers and commands. */
export function listMarked(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(name, 'environ').includes(`${mark}\0`))
    .map((name) => `${name} ${read(name, 'cmdline').replaceAll('\0', ' ').slice(0, 100)}`);
}

/** Empty where the process has ended, or is another user's. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
