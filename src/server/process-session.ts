// Every process of a session, found and killed. The emulator gives its runtime a process group of its own,
// so killing the emulator's group would leave the runtime; both stay in the session the emulator began.
// Read from /proc, which is always there: the emulator exists for Linux only.
import { readdirSync, readFileSync } from 'node:fs';

/** A living process: one that has ended but was not yet waited for is not among them. */
export interface SessionProcess {
  readonly pid: number;
  readonly parent: number;
}

/** The living processes of a session, which is named by the process that began it. */
export function listSession(session: number): SessionProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readStat(name);
      return stat?.session === session && !stat.ended ? [{ pid: Number(name), parent: stat.parent }] : [];
    });
}

/** Whether a process lives. */
export function isLiving(pid: number): boolean {
  return readStat(String(pid))?.ended === false;
}

/** Kills whatever lives in a session, at once. Returns how many processes that were. */
export function killSession(session: number): number {
  const living = listSession(session);
  for (const { pid } of living) killProcess(pid);
  return living.length;
}

/** Kills a process, unless it has ended by itself. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended before the signal.
  }
}

interface Stat {
  readonly ended: boolean;
  readonly parent: number;
  readonly session: number;
}

// Field 20 of the whole line; the third is the first after the name.
const threadCountField = 20 - 3;

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function readStat(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in brackets, and may hold any character.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, parent, , session] = fields;
    // A killed process may have lost its first thread only: the others still hold its memory and its ports.
    const ended = state === 'X' || (state === 'Z' && Number(fields[threadCountField]) <= 1);
    return { ended, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}
