// The image for arm64, which is the template's default, built and asked on this machine: by its own processor, or emulated.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { docker } from '../../bench/containers.ts';
import { type Container, cloneSources, startContainer } from '../container/docker.ts';
import { bakedPrefix, itAnswersGreedily } from '../container/greedy-answers.ts';
import { armBuildArguments, armPlatform } from './platform.ts';

const image = 'gguf-lambda:arm64';
let container: Container;

beforeAll(async () => {
  const sources = await cloneSources();
  try {
    writeFileSync(join(sources, 'models/prefixes/truth.txt'), bakedPrefix);
    const startedAt = performance.now();
    await docker('build', ...armPlatform, ...armBuildArguments, '--tag', image, sources);
    console.log(`The build took ${Math.round((performance.now() - startedAt) / 1000)} s.`);
  } finally {
    rmSync(sources, { recursive: true });
  }
  container = await startContainer(
    ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'all', ...armPlatform],
    image,
  );
});

afterAll(() => container?.stop());

it('is an image for arm64', async () => {
  expect(await docker('image', 'inspect', '--format', '{{.Architecture}}', image)).toBe('arm64');
  expect(await docker('exec', container.id, 'node', '-p', 'process.arch')).toBe('arm64');
});

itAnswersGreedily(() => container);
