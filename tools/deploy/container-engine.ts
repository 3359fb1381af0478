// Checks that a container engine is running and can build images for the wanted processor.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DeployError } from './errors.ts';

const run = promisify(execFile);

/** Lambda's name for each processor name that Docker and Node use. */
const architectures: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  x64: 'x86_64',
  x86_64: 'x86_64',
  arm64: 'arm64',
  aarch64: 'arm64',
};

/** Milliseconds for one `docker` command. */
const commandTimeout = 30_000;

/** Runs `docker` and returns what it printed. */
async function docker(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await run('docker', args, { timeout: commandTimeout, signal });
  return stdout.trim();
}

/**
 * Checks that the engine can build images for `architecture`, and returns a line to print about it.
 *
 * @throws {DeployError} `no-container-engine` when the engine does not answer
 * @throws {DeployError} `wrong-architecture` when the engine reports no emulator for `architecture`
 */
export async function checkContainerEngine(architecture: string, signal: AbortSignal): Promise<string> {
  await docker(['info'], signal).catch((error: unknown) => {
    throw toEngineError(error);
  });
  const engine = await docker(['version', '--format', '{{.Server.Arch}}'], signal).catch(() => process.arch);
  const own = architectures[engine] ?? engine;
  if (own === architecture) return `Container engine: builds for ${own}.`;

  const advice = `--parameter Architecture=${own} builds for this machine's processor`;
  const builder = await docker(['buildx', 'inspect'], signal).catch(() => '');
  const [, platforms] = /^Platforms:(.*)$/m.exec(builder) ?? [];
  const wanted = architecture === 'x86_64' ? 'linux/amd64' : `linux/${architecture}`;
  if (platforms !== undefined && !platforms.includes(wanted)) {
    throw new DeployError(
      'wrong-architecture',
      `The container engine cannot build for ${architecture}, because it has no emulator for it: ${advice}.`,
    );
  }
  return `Container engine: builds for ${architecture} on ${own} in an emulator. This takes many times longer, and fails if no emulator is installed; ${advice}.`;
}

function toEngineError(error: unknown): DeployError {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') {
    return new DeployError(
      'no-container-engine',
      "There is no 'docker' command: install Docker to build the images.",
      { cause: error },
    );
  }
  const reason = stderr.trim().split('\n').at(-1) || "'docker info' failed";
  return new DeployError(
    'no-container-engine',
    `The container engine does not answer (${reason}): start it, and check that this user may use it.`,
    { cause: error },
  );
}
