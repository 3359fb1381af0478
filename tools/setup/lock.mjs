// One set-up of a checkout at a time: a second one waits until the first has ended.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { interrupted } from './commands.mjs';
import { SetupError } from './errors.mjs';
import { cache } from './places.mjs';
import { say } from './progress.mjs';

const path = join(cache, 'setup.lock');
const pollMilliseconds = 100;

let isHeld = false;

/**
 * Takes the lock for as long as this process lives. Calls after the first do nothing.
 *
 * @throws {SetupError} when the checkout cannot be written to
 */
export async function lock() {
  if (isHeld) return;
  const own = `${path}.${process.pid}`;
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(own, String(process.pid));
  } catch (error) {
    throw new SetupError(toWriteFailure(error));
  }
  process.on('exit', () => rmSync(own, { force: true }));
  let holder;
  while (!tryLink(own)) {
    const pid = readHolder();
    if (pid === undefined) continue;
    if (!isSetUp(pid)) {
      // Its process ended without removing it.
      rmSync(path, { force: true });
      continue;
    }
    if (pid !== holder) say(`another set-up of this checkout runs (process ${pid}): waiting for its end`);
    holder = pid;
    await delay(pollMilliseconds, undefined, { signal: interrupted }).catch(() =>
      interrupted.throwIfAborted(),
    );
  }
  isHeld = true;
  process.on('exit', () => rmSync(path, { force: true }));
}

function toWriteFailure({ code, message }) {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `the disk of ${cache} is full: free some space and run it again.`;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return `${cache} cannot be written to (${code}): run it as the owner of this checkout.`;
  return `${cache} cannot be written to: ${message}.`;
}

function tryLink(own) {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(toWriteFailure(error));
  }
}

function readHolder() {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    // It was just released.
    return undefined;
  }
}

/** Whether a process lives and is a set-up: its number may be another program's by now. */
function isSetUp(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('setup.mjs');
  } catch {
    return false;
  }
}
