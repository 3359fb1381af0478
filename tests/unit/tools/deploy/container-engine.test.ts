import { describe, expect, it } from 'vitest';
import { checkContainerEngine } from '../../../../tools/deploy/container-engine.ts';
import { fakeCommands } from './fake-commands.ts';
import { failureOf } from './fixtures.ts';

const signal = new AbortController().signal;

/** A `docker` for one processor, whose builder says what `inspect` prints. */
function engine(processor: string, inspect = 'exit 1') {
  return fakeCommands({
    docker: `case "$1" in version) echo ${processor} ;; buildx) ${inspect} ;; esac`,
  });
}

describe('the container engine', () => {
  it.each([
    ['amd64', 'x86_64'],
    ['arm64', 'arm64'],
  ])('for %s builds for %s', async (processor, architecture) => {
    const { calls } = engine(processor);

    expect(await checkContainerEngine(architecture, signal)).toBe(
      `Container engine: builds for ${architecture}.`,
    );
    expect(calls()).toEqual(['docker info', 'docker version --format {{.Server.Arch}}']);
  });

  it.each([
    ['has an emulator', 'echo "Platforms: linux/amd64, linux/amd64/v2, linux/arm64, linux/386"'],
    ['does not tell its emulators', 'exit 1'],
  ])('warns of another processor where it %s', async (_, inspect) => {
    engine('amd64', inspect);

    expect(await checkContainerEngine('arm64', signal)).toMatch(
      /^Container engine: builds for arm64 on x86_64, emulated, .*--parameter Architecture=x86_64 /,
    );
  });

  it('refuses another processor when it has no emulator', async () => {
    engine('amd64', 'echo "Platforms: linux/amd64, linux/amd64/v2, linux/386"');

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'wrong-architecture',
      message: expect.stringContaining('--parameter Architecture=x86_64'),
    });
  });

  it('that is not there is asked for', async () => {
    fakeCommands({});

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'no-container-engine',
      message: "There is no 'docker' command: install Docker, which builds the images.",
    });
  });

  it('that does not answer is refused with what it says', async () => {
    fakeCommands({ docker: 'echo "Cannot connect to the Docker daemon" >&2; exit 1' });

    expect(await failureOf(checkContainerEngine('arm64', signal))).toMatchObject({
      code: 'no-container-engine',
      message:
        'The container engine does not answer: start it, and see that you may use it (Cannot connect to the Docker daemon).',
    });
  });
});
