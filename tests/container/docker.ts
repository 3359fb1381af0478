// The `docker` command, from tests.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { docker } from '../../bench/containers.ts';
import { startShell } from '../shell.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** The image that the tests of this tier build and run. */
export const image = 'gguf-lambda:test';

/** Copies what a fresh clone has into a new folder: no packages, no bundles, no stored model. */
export async function cloneSources(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-clone-'));
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const path of stdout.split('\0').filter((name) => name !== '')) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  return folder;
}

export interface Container {
  readonly id: string;
  /** The invoke URL on this machine. */
  readonly url: string;
  /** Asks a container to stop, and returns its exit code. */
  stop(): Promise<number>;
}

/** Starts the image, on a free port of this machine, and waits until it says that it serves. */
export async function startContainer(options: readonly string[], name = image): Promise<Container> {
  const id = await docker('run', '--detach', '--publish', '127.0.0.1::8080', ...options, name);
  const stop = async () => {
    await docker('stop', '--time', '30', id);
    const code = Number(await docker('inspect', '--format', '{{.State.ExitCode}}', id));
    await docker('rm', '--force', id);
    return code;
  };
  try {
    await untilServing(id);
    const [address] = (await docker('port', id, '8080/tcp')).split('\n');
    return { id, url: `http://${address}/2015-03-31/functions/function/invocations`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilServing(id: string): Promise<void> {
  // The log ends when the container does.
  const log = startShell(`docker logs --follow ${id}`);
  await log.untilPrinted('answers at');
  log.interrupt();
}

/** Sends an event to an invoke URL and returns the answer. */
export async function invoke(
  url: string,
  event: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
