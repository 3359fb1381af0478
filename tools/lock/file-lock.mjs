// A lock that one process holds at a time, among all that see its folder: those of other containers too.
// Plain JavaScript on built-in modules: the set-up takes a lock before anything is installed.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollMilliseconds = 100;
const touchMilliseconds = 5_000;
/** A holder that cannot be looked up is alive for so long after each touch. Its event loop must not be blocked for longer. */
const freshMilliseconds = 30_000;

const identity = readIdentity();

/** Releases the locks that this process holds. */
const releases = new Set();
process.on('exit', () => {
  for (const release of releases) release();
});

/**
 * Takes the lock at a path; its folder is created. Waits while another process holds it, or this process does.
 *
 * @param {string} path
 * @param {object} [options]
 * @param {(holder: string) => void} [options.onWait] - called with each holder, such as `process 7`. It may throw to refuse.
 * @param {AbortSignal} [options.signal] - ends the waiting
 * @returns {Promise<() => void>} releases the lock; the end of this process releases it too
 * @throws {Error} of `node:fs`, when the folder cannot be written to
 */
export async function takeLock(path, { onWait, signal } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  let waitedFor;
  for (;;) {
    signal?.throwIfAborted();
    const { release, holder } = tryToTake(path);
    if (release !== undefined) return release;
    if (holder.id !== waitedFor) onWait?.(describe(holder));
    waitedFor = holder.id;
    await delay(pollMilliseconds, undefined, { signal }).catch(() => {});
  }
}

/** Returns how to release the lock, or the record of its holder. */
function tryToTake(path) {
  const found = readRecord(path);
  if (found !== undefined && isAlive(found)) return { holder: found };
  const record = { id: randomUUID(), host: hostname(), pid: process.pid, ...identity };
  const own = `${path}.${record.id}.own`;
  try {
    writeFileSync(own, JSON.stringify(record), { flag: 'wx' });
    const holder = linkRecord(record.id, own, path);
    return holder === undefined ? { release: hold(path, record.id) } : { holder };
  } finally {
    rmSync(own, { force: true });
  }
}

/** Links a complete record to a path, in the place of a dead process's. Returns the record of a living one that is there. */
function linkRecord(id, own, path) {
  for (;;) {
    try {
      putRecord(own, path);
      return undefined;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const found = readRecord(path);
    if (found === undefined) continue; // It was just released.
    // NFS repeats a request whose answer was lost, and reports that the first one was carried out. https://man7.org/linux/man-pages/man2/open.2.html
    if (found.id === id) return undefined;
    if (isAlive(found)) return found;
    // Several processes may see that its holder is dead. The one that has this lock replaces the record, if it is still there.
    const turn = `${path}.${found.id}`;
    const other = linkRecord(id, own, turn);
    if (other !== undefined) return other;
    if (readRecord(path)?.id === found.id) {
      renameSync(turn, path);
      return undefined;
    }
    rmSync(turn);
  }
}

function putRecord(own, path) {
  try {
    linkSync(own, path);
  } catch (error) {
    if (error.code === 'EEXIST') throw error;
    // The disk has no hard links. The holder of an unfinished record counts as alive.
    writeFileSync(path, readFileSync(own), { flag: 'wx' });
  }
}

function hold(path, id) {
  const file = openSync(path);
  const touch = () => {
    try {
      futimesSync(file, new Date(), new Date());
    } catch {
      // The disk does not answer, or another process has taken the lock over. The next touch may succeed.
    }
  };
  const touching = setInterval(touch, touchMilliseconds).unref();
  const release = () => {
    if (!releases.delete(release)) return;
    clearInterval(touching);
    closeSync(file);
    // Another process may have taken it over.
    if (readRecord(path)?.id === id) rmSync(path, { force: true });
  };
  releases.add(release);
  return release;
}

/** Returns undefined where there is no file. */
function readRecord(path) {
  let file;
  try {
    file = openSync(path);
    return { ...parseRecord(readFileSync(file, 'utf8')), touchedAt: fstatSync(file).mtimeMs };
  } catch (error) {
    // NFS reports ESTALE for a file that another machine removed while it was open.
    if (error.code === 'ENOENT' || error.code === 'ESTALE') return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A file that is no record has no holder to look up. */
function parseRecord(text) {
  try {
    return { id: 'unreadable', ...JSON.parse(text) };
  } catch {
    return { id: 'unreadable' };
  }
}

function describe({ pid, host }) {
  if (pid === undefined) return 'an unknown process';
  return host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
}

function isAlive({ boot, pidNamespace, pid, startTime, touchedAt }) {
  const canLookUp = boot !== undefined && boot === identity.boot && pidNamespace === identity.pidNamespace;
  if (canLookUp) return readStartTime(pid) === startTime;
  return Math.abs(Date.now() - touchedAt) < freshMilliseconds;
}

/** What makes the number of this process unique. Empty without a /proc of its own namespace. */
function readIdentity() {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return {};
    return {
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
      startTime: readStartTime(process.pid),
    };
  } catch {
    return {};
  }
}

/** When a process started, in ticks since the boot. Returns undefined when it has ended. */
function readStartTime(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
  // Field 3, the state, follows the name, which may hold blanks and brackets. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasEnded = fields[0] === 'Z' || fields[0] === 'X';
  return hasEnded ? undefined : fields[22 - 3];
}
