// The engine that builds the images: whether it is there, and for which processors it builds.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DeployError } from './errors.ts';

const run = promisify(execFile);

/** The processors, as Lambda calls them; Docker and Node have names of their own. */
const architectures: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  x64: 'x86_64',
  x86_64: 'x86_64',
  arm64: 'arm64',
  aarch64: 'arm64',
};

/** Milliseconds that an answer of the engine may take. */
const longestAnswer = 30_000;

/** Runs `docker` and returns what it printed. */
async function docker(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await run('docker', args, { timeout: longestAnswer, signal });
  return stdout.trim();
}

/**
 * Checks that images for `architecture` can be built, and returns a line that says how.
 *
 * @throws {DeployError} `no-container-engine`, or `wrong-architecture` when the engine says that it cannot
 */
export async function checkContainerEngine(architecture: string, signal: AbortSignal): Promise<string> {
  await docker(['info'], signal).catch((error: unknown) => {
    throw toEngineError(error);
  });
  const engine = await docker(['version', '--format', '{{.Server.Arch}}'], signal).catch(() => process.arch);
  const own = architectures[engine] ?? engine;
  if (own === architecture) return `Container engine: builds for ${own}.`;

  const advice = `--parameter Architecture=${own} builds for this machine's own`;
  const builder = await docker(['buildx', 'inspect'], signal).catch(() => '');
  const [, platforms] = /^Platforms:(.*)$/m.exec(builder) ?? [];
  const wanted = architecture === 'x86_64' ? 'linux/amd64' : `linux/${architecture}`;
  if (platforms !== undefined && !platforms.includes(wanted)) {
    throw new DeployError(
      'wrong-architecture',
      `The container engine cannot build for ${architecture}, as it has no emulator of it: ${advice}.`,
    );
  }
  return `Container engine: builds for ${architecture} on ${own}, emulated, which takes many times longer and fails without an emulator; ${advice}.`;
}

function toEngineError(error: unknown): DeployError {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') {
    return new DeployError(
      'no-container-engine',
      "There is no 'docker' command: install Docker, which builds the images.",
      { cause: error },
    );
  }
  const reason = stderr.trim().split('\n').at(-1) || "'docker info' fails";
  return new DeployError(
    'no-container-engine',
    `The container engine does not answer: start it, and see that you may use it (${reason}).`,
    { cause: error },
  );
}
