// Reads the memory of a process and its descendants.
import { readdirSync, readFileSync } from 'node:fs';

/** Bytes that a process and its descendants have taken, without the pages of files that they have mapped. */
export function privateBytes(pid: number): number {
  return listTree(pid).reduce((sum, each) => sum + readKibibytes(each, 'RssAnon') * 1024, 0);
}

/** Returns the ids of a process and all its descendants. */
function listTree(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(readStatus(Number(name), 'PPid')) === pid)
    .map(Number);
  return [pid, ...children.flatMap(listTree)];
}

function readKibibytes(pid: number, name: string): number {
  return Number.parseInt(readStatus(pid, name), 10) || 0;
}

/** Returns a field of a process's status, or an empty text when the process has ended. */
function readStatus(pid: number, name: string): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  } catch {
    return '';
  }
}
