import { getLlama } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';

describe('the native library', () => {
  it('is taken as built on this machine, so that no start tries it in a second process', async () => {
    const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false });
    const { buildType } = llama;
    await llama.dispose();

    expect(buildType).toBe('localBuild');
  });
});
