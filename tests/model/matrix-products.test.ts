// This project's product for Q4_1, beside llama.cpp's.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { processorFlags } from '../../native/processor.ts';
import { prebuiltFolder } from '../../src/engine/llama/llama-addon.ts';
import { processorLibraries } from '../processor.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'fixtures/prompt-states.ts');
const native = join(import.meta.dirname, '../../native/matrices');
const isX64 = process.arch === 'x64';

describe.runIf(isX64)('the kernels for Q4_1', () => {
  let comparison = '';

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'q4-1-product-'));
    comparison = join(folder, 'q4-1-product');
    const sources = [
      join(import.meta.dirname, 'fixtures/q4-1-product.cpp'),
      join(native, 'q4-1-product.cpp'),
    ];
    execFileSync('c++', [
      '-std=c++17',
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-I',
      native,
      ...sources,
      '-ldl',
      '-o',
      comparison,
    ]);
    return () => rmSync(folder, { recursive: true });
  });

  it.each(processorLibraries)('are bit-identical to ggml_vec_dot_q4_1_q8_1 of %s', (library) => {
    const hasVnni = processorFlags.has('avx512_vnni') && processorFlags.has('avx512vl');
    const kernels = ['avx2', ...(hasVnni ? ['vnni'] : [])];

    // A compiled library does not say where the one is that it takes.
    const env = { ...process.env, LD_LIBRARY_PATH: prebuiltFolder() };

    expect(execFileSync(comparison, [join(prebuiltFolder(), library)], { env, encoding: 'utf8' })).toBe(
      `${kernels.join('\n')}\n`,
    );
  });
});

describe.runIf(isX64)('a library of llama.cpp for a processor', () => {
  // With AMX llama.cpp keeps the weights in a layout of its own, and multiplies them itself.
  it.each(processorLibraries.filter((library) => !/amx|sapphirerapids/.test(library)))(
    "takes this project's products, and has the states that it has by its own: %s",
    async (library) => {
      const evaluate = async (...options: string[]) => {
        const { stdout } = await run(process.execPath, [program, library, ...options, '--count', '2,5,140']);
        return stdout.trimEnd().split('\n');
      };
      const [state = '', none] = await evaluate('--llama-cpp', '1');

      expect(state).toMatch(/^[\da-f]{64}$/);
      expect(none).toBe('0');
      for (const threads of ['1', '2']) {
        const [same, products] = await evaluate(threads);
        expect(same).toBe(state);
        // Of three pieces: 30 layers of seven matrices, the last of which go on with one token.
        expect(Number(products)).toBeGreaterThan(3 * 29 * 7);
        expect(Number(products)).toBeLessThanOrEqual(3 * 30 * 7);
      }
    },
    90_000,
  );
});

// A module becomes global with all that it depends on: others would call its code instead of their own.
it.runIf(isX64)('modules that are opened later keep to their own names', () => {
  const addon = join(import.meta.dirname, '../../src/engine/llama/llama-addon.ts');
  const open = `
    const { openLlamaAddon, openModule, prebuiltFolder } = await import(${JSON.stringify(addon)});
    openLlamaAddon();
    openModule(prebuiltFolder() + '/chat.node');
    openModule(${JSON.stringify(createRequire(import.meta.url).resolve('aws-lambda-ric/rapid-client.node'))});`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', open], {
    env: { ...process.env, LD_DEBUG: 'bindings' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const bindings = [
    ...stderr.matchAll(/binding file \S+\/(\S+) \[0\] to \S+\/(\S+) \[0\]: normal symbol `(\S+)'/g),
  ];
  const fromElsewhere = bindings.filter(([, from, to]) => to === 'matrices.node' && from !== to);
  const ofClient = bindings.filter(
    ([, from, to]) => from === 'rapid-client.node' && to === 'llama-addon.node',
  );

  expect(fromElsewhere.map(([, from = '', , name]) => [from.slice(0, 11), name])).toEqual([
    ['libggml-cpu', 'llamafile_sgemm'],
  ]);
  expect(bindings.filter(([, from]) => from === 'rapid-client.node').length).toBeGreaterThan(0);
  expect(ofClient).toEqual([]);
});
