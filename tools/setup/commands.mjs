// Runs the programs of the set-up, each in a process group of its own. Ctrl-C then ends the whole group, and the set-up
// ends after it: npm leaves its children behind when it alone is ended.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InterruptedError, SetupError } from './errors.mjs';
import { root } from './places.mjs';
import { say } from './progress.mjs';

const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };
/** How long a process group has to end by itself, in milliseconds. */
const graceMilliseconds = 2_000;
const pollMilliseconds = 20;

/** Process groups that run, by the number of the process that leads each. */
const groups = new Set();
const controller = new AbortController();
let interrupt;
const interruption = new Promise((resolve) => {
  interrupt = resolve;
});
let scratch;

for (const [signal, number] of Object.entries(signalNumbers)) {
  process.on(signal, () => {
    controller.abort(new InterruptedError(128 + number));
    interrupt();
  });
}
process.on('exit', () => {
  for (const group of groups) signalGroup(group, 'SIGKILL');
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
});

/** Aborts on Ctrl-C, with the error to end by. */
export const { signal: interrupted } = controller;

/** A folder for temporary files, which is removed when the set-up ends. */
export function scratchFolder() {
  scratch ??= mkdtempSync(join(tmpdir(), 'gguf-lambda-setup-'));
  return scratch;
}

/** Whether a program runs and succeeds. */
export function succeeds([program, ...args]) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/**
 * Runs a program from the project's root with its output on this terminal.
 *
 * @throws {SetupError} when it fails; its own output has the reason
 */
export async function run(program, args, env = process.env) {
  const { code } = await start(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (code !== 0) throw new SetupError(`${[program, ...args].join(' ')} failed: see the lines above.`);
}

/**
 * Runs a program from the project's root, and shows its output only when it fails.
 *
 * @throws {SetupError} when it fails
 */
export async function runShowingFailure(program, args, env = process.env) {
  const { code, output } = await runQuietly(program, args, { env });
  if (code === 0) return;
  if (isDiskFull(output))
    throw new SetupError(`the disk is full: ${root}. Free some space and run it again.`);
  process.stderr.write(`\n${output}`);
  throw new SetupError(`${[program, ...args].join(' ')} failed: see the lines above.`);
}

/** Whether a program's output says that a disk has no room. */
export const isDiskFull = (output) =>
  /ENOSPC|no space left on device|EDQUOT|disk quota exceeded/i.test(output);

/** Runs a program without showing its output. Resolves with its exit code and what it wrote. */
export async function runQuietly(program, args, { cwd = root, env = process.env } = {}) {
  return start(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function start(program, args, { cwd, env, stdio }) {
  interrupted.throwIfAborted();
  const child = spawn(program, args, {
    cwd,
    stdio,
    detached: true,
    env: { ...env, TMPDIR: scratchFolder() },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new SetupError(`${program} cannot be run: ${error.message}.`);
  }
  groups.add(child.pid);
  const ended = once(child, stdio.includes('pipe') ? 'close' : 'exit');
  const outcome = await Promise.race([ended, interruption]);
  if (interrupted.aborted) {
    // On a terminal the line of the step stands before the cursor.
    if (process.stderr.isTTY) process.stderr.write('\n');
    say('ending what runs, and removing what is half-made');
    await endGroup(child.pid);
  }
  groups.delete(child.pid);
  interrupted.throwIfAborted();
  const [code] = outcome;
  return { code, output };
}

/** Ends all of a process group, and kills what does not end in time. */
async function endGroup(group) {
  signalGroup(group, 'SIGTERM');
  const killAt = performance.now() + graceMilliseconds;
  while (signalGroup(group, 0)) {
    const late = performance.now() - killAt;
    // A process that ended and that nobody waits for stays in its group.
    if (late > graceMilliseconds) return;
    if (late > 0) signalGroup(group, 'SIGKILL');
    await delay(pollMilliseconds);
  }
}

/** Returns false where the group has no process. */
function signalGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
