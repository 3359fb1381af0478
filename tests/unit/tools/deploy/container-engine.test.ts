import { describe, expect, it } from 'vitest';
import { checkContainerEngine } from '../../../../tools/deploy/container-engine.ts';
import { fakeCommands } from './fake-commands.ts';
import { failureOf } from './fixtures.ts';

const signal = new AbortController().signal;

/** Fakes a `docker` for one processor; the script `inspect` answers `docker buildx inspect`. */
function engine(processor: string, inspect = 'exit 1') {
  return fakeCommands({
    docker: `case "$1" in version) echo ${processor} ;; buildx) ${inspect} ;; esac`,
  });
}

describe('checkContainerEngine', () => {
  it.each([
    ['amd64', 'x86_64'],
    ['arm64', 'arm64'],
  ])('accepts a %s engine for %s', async (processor, architecture) => {
    const { calls } = engine(processor);

    expect(await checkContainerEngine(architecture, signal)).toBe(
      `Container engine: builds for ${architecture}.`,
    );
    expect(calls()).toEqual(['docker info', 'docker version --format {{.Server.Arch}}']);
  });

  it.each([
    ['has an emulator', 'echo "Platforms: linux/amd64, linux/amd64/v2, linux/arm64, linux/386"'],
    ['does not list its platforms', 'exit 1'],
  ])('warns about emulation when the engine %s', async (_, inspect) => {
    engine('amd64', inspect);

    expect(await checkContainerEngine('arm64', signal)).toMatch(
      /^Container engine: builds for arm64 on x86_64 in an emulator\. .*--parameter Architecture=x86_64 /,
    );
  });

  it('rejects another processor when the engine has no emulator for it', async () => {
    engine('amd64', 'echo "Platforms: linux/amd64, linux/amd64/v2, linux/386"');

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'wrong-architecture',
      message: expect.stringContaining('--parameter Architecture=x86_64'),
    });
  });

  it('asks for Docker when there is no docker command', async () => {
    fakeCommands({});

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'no-container-engine',
      message: "There is no 'docker' command: install Docker to build the images.",
    });
  });

  it("quotes the engine's error when the engine does not answer", async () => {
    fakeCommands({ docker: 'echo "Cannot connect to the Docker daemon" >&2; exit 1' });

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'no-container-engine',
      message:
        'The container engine does not answer (Cannot connect to the Docker daemon): start it, and check that this user may use it.',
    });
  });
});
