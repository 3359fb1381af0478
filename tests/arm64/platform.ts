// How this machine builds and runs images for arm64.
import { spawnSync } from 'node:child_process';
import { baseImage } from '../../bench/containers.ts';

/** Options of `docker build` and `docker run`. */
export const armPlatform = ['--platform', 'linux/arm64'] as const;

/** The image's base, which the variable BASE_IMAGE may replace by one that has been made otherwise. */
const armBase = process.env.BASE_IMAGE ?? baseImage;

/** On another processor, only what cannot be compiled across is emulated. */
export const armBuildArguments: readonly string[] = [
  `BASE_IMAGE=${armBase}`,
  ...(process.arch === 'arm64' ? [] : ['BUILD_IN=machine', `MACHINE_IMAGE=${baseImage}`]),
].flatMap((argument) => ['--build-arg', argument]);

/** Why no program for arm64 can run here, if none can. */
export function armObstacle(): string | undefined {
  const { status, stderr } = spawnSync(
    'docker',
    ['run', '--rm', ...armPlatform, '--entrypoint', 'node', armBase, '-e', ''],
    { encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  return `no container for arm64 runs here (${stderr.trim().split('\n').at(-1)}): install QEMU's emulators, such as with 'docker run --privileged --rm tonistiigi/binfmt --install arm64'`;
}
