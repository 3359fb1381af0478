// The image with llama.cpp's library for AMX, compiled by the build argument that few need. It takes a compiler for minutes.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { docker } from '../../bench/containers.ts';
import { processorLibraries } from '../../src/engine/llama/llama-addon.ts';
import { cloneSources } from '../container/docker.ts';

const image = 'gguf-lambda:amx';
let sources: string;

beforeAll(async () => {
  sources = await cloneSources();
  await docker(
    ...['build', '--tag', image, '--target', 'libraries', '--build-arg', 'COMPILE_AMX=true', sources],
  );
});

afterAll(() => rmSync(sources, { recursive: true }));

const find = (...args: string[]) => docker('run', '--rm', '--entrypoint', 'find', image, ...args);

it('has the compiled library and its licence in the place of the prebuilt one', async () => {
  const libraries = await find('/app/node_modules/@node-llama-cpp', '-name', 'libggml-cpu-*');

  expect(libraries).toContain('libggml-cpu-amx.so');
  expect(libraries).toContain('libggml-cpu-amx.LICENSE');
  // Of two that suit a processor alike, llama.cpp would take either.
  expect(libraries).not.toContain('sapphirerapids');
});

it('has only libraries that a start looks for, the compiled one first', async () => {
  const libraries = await find('/app/node_modules/@node-llama-cpp', '-name', 'libggml-cpu-*.so');
  const names = [...libraries.matchAll(/libggml-cpu-(.+)\.so$/gm)].map(([, name = '']) => name);

  expect(names).toContain(processorLibraries[0]);
  expect(names.filter((name) => !processorLibraries.includes(name))).toEqual([]);
});

it('has nothing of the compiler', async () => {
  expect(await find('/', '-maxdepth', '1', '-name', 'zig')).toBe('');
});
