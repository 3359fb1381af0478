// Holds llama-addon.ts to the release of node-llama-cpp that is installed.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import {
  type LlamaAddon,
  openLlamaAddon,
  openModule,
  prebuiltFolder,
  processorLibraries,
} from '../../src/engine/llama/llama-addon.ts';
import { modelPath } from './default-model.ts';

/** What is used of each class. */
const members = {
  AddonModel: [
    'dispose',
    'tokenize',
    'detokenize',
    'tokenBos',
    'tokenEos',
    'eotToken',
    'sepToken',
    'prefixToken',
    'middleToken',
    'suffixToken',
    'getTokenString',
    'isEogToken',
    'getVocabularyType',
    'shouldPrependBosToken',
    'shouldAppendEosToken',
    'getTrainContextSize',
    'getEmbeddingVectorSize',
    'getModelDescription',
    'getModelSize',
  ],
  AddonContext: [
    'initBatch',
    'addToBatch',
    'disposeSequence',
    'removeTokenCellsFromSequence',
    'getEmbedding',
  ],
} as const;

function missing(addon: LlamaAddon): string[] {
  return Object.entries(members).flatMap(([name, methods]) => {
    const { prototype } = addon[name as keyof typeof members] as { prototype: Record<string, unknown> };
    return methods
      .filter((method) => typeof prototype[method] !== 'function')
      .map((method) => `${name}.${method}`);
  });
}

describe('the native module', () => {
  it('is the one that the companion package for this machine holds, and has all that is used of it', () => {
    const say = vi.spyOn(process.stderr, 'write');
    const { addon, release } = openLlamaAddon();

    expect(say).not.toHaveBeenCalled();
    expect(missing(addon)).toEqual([]);
    expect(release).toMatch(/^node-llama-cpp \d/);
    expect(addon.getIsArchRecurrent('mamba')).toBe(true);
    expect(addon.getIsArchHybrid('llama')).toBe(false);
  });

  it('opens the library for this processor that llama.cpp would choose', () => {
    const libraries = readdirSync(prebuiltFolder()).flatMap(
      (file) => /^libggml-cpu-(.+)\.so$/.exec(file)?.[1] ?? [],
    );
    const llamaCpp = `
      const addon = require('${prebuiltFolder()}/llama-addon.node');
      addon.setLogger(() => {});
      addon.loadBackends('${prebuiltFolder()}');
      const { listProcessorFeatures } = require('${prebuiltFolder()}/inference.node');
      console.log(JSON.stringify(listProcessorFeatures()));`;
    // The module may write its own lines at the end.
    const [chosen = ''] = execFileSync(process.execPath, ['-e', llamaCpp], { encoding: 'utf8' }).split('\n');

    expect(libraries.filter((name) => !processorLibraries.includes(name))).toEqual([]);
    expect(openLlamaAddon().inference.listProcessorFeatures()).toEqual(JSON.parse(chosen));
  });

  it('loads a model', async () => {
    const { addon, inference } = openLlamaAddon();
    const model = new addon.AddonModel(modelPath, { addonExports: addon, gpuLayers: 0, useMmap: true });

    expect(await inference.loadModel(model)).toBe(true);
    expect(model.detokenize(model.tokenize('Hello world', false), false)).toBe('Hello world');
    await model.dispose();
  });

  it('that is missing is named, with the command that makes it', () => {
    expect(() => openModule('/nowhere/inference.node')).toThrow(
      /^\/nowhere\/inference\.node cannot be opened \(.*no such file.*\); 'npm start' installs and compiles it$/i,
    );
  });
});
