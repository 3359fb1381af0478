// Starts servers in containers with limited CPU time and memory, through the `docker` command.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { invokePath } from '../src/server/invoke-path.ts';
import { loopback } from '../src/server/loopback.ts';
import { answers, completionsPath, type Server } from './subjects/server-process.ts';
import type { ServerSettings, Subject } from './subjects/subject.ts';

const run = promisify(execFile);

/** The default base image of the Dockerfile. */
export const baseImage = readBaseImage();

function readBaseImage(): string {
  const [, name] =
    /^ARG BASE_IMAGE=(.+)$/m.exec(readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8')) ?? [];
  if (name === undefined) throw new Error('The Dockerfile has no line ARG BASE_IMAGE=…: add one.');
  return name;
}

/** Runs `docker` and returns its trimmed output. Throws with all output when the command fails. */
export async function docker(...args: string[]): Promise<string> {
  try {
    const { stdout } = await run('docker', args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  } catch (error) {
    // Some engines print build errors to stdout.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`docker ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** True when a container engine answers. */
export async function hasContainers(): Promise<boolean> {
  return docker('info').then(
    () => true,
    () => false,
  );
}

/** Returns the path of a shared library of this system. */
function findLibrary(name: string): string {
  const line = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' })
    .split('\n')
    .find((each) => each.trimStart().startsWith(`${name} `));
  const path = line?.split(' => ')[1];
  if (path === undefined) throw new Error(`This machine has no ${name}: install it.`);
  return path;
}

export interface ContainedServer extends Omit<Server, 'pid'> {
  /** The container's id. */
  readonly id: string;
}

interface ContainerOptions {
  readonly name: string;
  readonly image: string;
  /** Virtual CPUs. */
  readonly cpus: number;
  /** Memory limit. Default: none. */
  readonly megabytes?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Starts the server on port 8080. */
  readonly command: readonly string[];
  readonly completionsPath?: string;
  /** Paths of this machine, mounted read-only under the same path. */
  readonly mounts?: readonly string[];
  /** Files of the image to replace with /dev/null. */
  readonly hidden?: readonly string[];
}

/** Runs the function of the image on the emulator, without the server of port 8000. */
export const emulatorCommand = {
  command: [
    '/app/dist/aws-lambda-rie',
    '--log-level',
    'error',
    '--runtime-interface-emulator-address',
    '0.0.0.0:8080',
    '/app/infra/entry.sh',
    'completion.handler',
  ],
  completionsPath: invokePath,
} as const;

const startMilliseconds = 300_000;

/** Starts a server in a container that already runs, so that the measured start excludes the container's. */
export async function startInContainer(options: ContainerOptions): Promise<ContainedServer> {
  const { name, image, cpus, megabytes, command, mounts = [], hidden = [], env = {} } = options;
  const id = await docker(
    'run',
    '--detach',
    '--cpus',
    cpus.toFixed(2),
    '--publish',
    '127.0.0.1::8080',
    ...(megabytes === undefined ? [] : ['--memory', `${megabytes}m`]),
    ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
    ...mounts.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
    ...hidden.flatMap((path) => ['--volume', `/dev/null:${path}:ro`]),
    '--entrypoint',
    'sleep',
    image,
    'infinity',
  );
  const remove = async () => void (await docker('rm', '--force', id));
  try {
    const [address] = (await docker('port', id, '8080/tcp')).split('\n');
    const url = `http://${address}${options.completionsPath ?? completionsPath}`;
    const startedAt = performance.now();
    const executed = docker('exec', id, ...command);
    let end: string | undefined;
    executed.then(
      () => {
        end = 'it exited';
      },
      (error: Error) => {
        end = error.message;
      },
    );
    while (!(await answers(url))) {
      if (end !== undefined) throw new Error(end);
      if (performance.now() - startedAt > startMilliseconds)
        throw new Error(`no completion within ${startMilliseconds / 1000} s`);
      await delay(5);
    }
    const firstCompletionMs = performance.now() - startedAt;
    return { subject: name, id, url, firstCompletionMs, [Symbol.asyncDispose]: remove };
  } catch (cause) {
    await remove();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${name} did not start in its container: ${reason}`, { cause });
  }
}

/**
 * Starts a peer in a container of the base image, with its program and its model mounted.
 *
 * @param flags - added to its command line
 */
export function startPeerInContainer(
  peer: Subject,
  settings: ServerSettings,
  { flags = [], ...limits }: Pick<ContainerOptions, 'cpus' | 'megabytes'> & { flags?: readonly string[] },
): Promise<ContainedServer> {
  const { program, args } = peer.command(settings, 8080, 0);
  return startInContainer({
    ...limits,
    name: peer.name,
    image: baseImage,
    command: [program, ...args.map((each) => (each === loopback ? '0.0.0.0' : each)), ...flags],
    mounts: [dirname(dirname(program)), settings.model.directory, findLibrary('libgomp.so.1')],
  });
}
