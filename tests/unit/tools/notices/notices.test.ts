// The command as an image's build runs it, on a made-up bundle.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

// Git reads llama.cpp's whole history.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const model = {
  name: 'tiny',
  title: 'Tiny',
  file: 'tiny.gguf',
  sizeBytes: 1,
  sha256: 'abc',
  licence: 'Tiny Community License',
  parameters: 1,
  quantisation: 'Q8_0',
  contextLength: 1,
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'notices-'));
  put('model/model.json', JSON.stringify(model));
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** Writes the notices of a bundle that has code of these packages. */
function writeNotices(...packages: string[]) {
  const inputs = Object.fromEntries(packages.map((path) => [`${path}/index.js`, { bytesInOutput: 1 }]));
  put('metafile.json', JSON.stringify({ outputs: { 'dist/a.mjs': { inputs } } }));
  const options = ['--metafile', join(folder, 'metafile.json'), '--model', join(folder, 'model')];
  const { status, stderr } = spawnSync(
    process.execPath,
    ['tools/notices/cli.ts', ...options, '--arch', process.arch, '--to', folder],
    { cwd: root, encoding: 'utf8' },
  );
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    status,
    stderr,
    notices: () => read('THIRD-PARTY-NOTICES.txt'),
    sbom: () => JSON.parse(read('sbom.cdx.json')) as Sbom,
  };
}

interface Sbom {
  readonly components: readonly { readonly name: string; readonly 'bom-ref': string }[];
}

it('names every component with its licence, and has every text once', () => {
  const { status, stderr, notices } = writeNotices('node_modules/zod', 'node_modules/@middy/core');
  const text = notices();

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(text).toMatch(/^ {2}zod [\d.]+: MIT$/m);
  expect(text).toMatch(/^ {2}@middy\/core [\d.]+: MIT$/m);
  expect(text).toMatch(/^ {2}aws-lambda-ric 4[\d.]+: Apache-2\.0$/m);
  expect(text).toMatch(/^ {2}llama\.cpp \S+: MIT$/m);
  expect(text).toMatch(/^ {2}aws-lambda-rie: Apache-2\.0$/m);
  expect(text).toMatch(/^ {2}tiny: Tiny Community License$/m);
  for (const holder of [
    /Middy contributors/,
    /Colin McDonnell/,
    /Gilad S\./,
    /The ggml authors/,
    /Daniel Stenberg/,
  ]) {
    expect(text).toMatch(holder);
  }
  expect(text).toContain(
    'Tiny is licensed under: Tiny Community License. The image has no copy of that text',
  );
  expect(text).toMatch(/^aws-lambda-ric \S+\n\n/m);
  expect(text.match(/^@node-llama-cpp\/linux-\S+ \S+$/gm)).toHaveLength(1);
});

it('lists every component once, with its package URL, its licence and the hash of what was fetched', () => {
  const { sbom } = writeNotices('node_modules/zod', 'node_modules/@middy/core', 'node_modules/dompurify');
  const { components } = sbom();
  const find = (name: string) => components.find((component) => component.name === name);
  const sha512 = [{ alg: 'SHA-512', content: expect.stringMatching(/^[\da-f]{128}$/) }];
  const sha256 = (content: unknown) => [{ alg: 'SHA-256', content }];

  expect(find('core')).toMatchObject({
    type: 'library',
    group: '@middy',
    version: expect.any(String),
    licenses: [{ license: { id: 'MIT' } }],
    hashes: sha512,
    purl: expect.stringMatching(/^pkg:npm\/%40middy\/core@[\d.]+$/),
  });
  expect(find('dompurify')).toMatchObject({ licenses: [{ expression: '(MPL-2.0 OR Apache-2.0)' }] });
  expect(find('llama.cpp')).toMatchObject({
    purl: expect.stringMatching(/^pkg:github\/ggml-org\/llama\.cpp@\S+$/),
  });
  expect(find('aws-lambda-rie')).toMatchObject({
    type: 'application',
    hashes: sha256(expect.stringMatching(/^[\da-f]{64}$/)),
  });
  expect(find('tiny')).toMatchObject({
    type: 'machine-learning-model',
    licenses: [{ license: { name: 'Tiny Community License' } }],
    hashes: sha256('abc'),
  });
  expect(new Set(components.map((component) => component['bom-ref'])).size).toBe(components.length);
});

it('fails with one line for a bundled package without a licence', () => {
  put('node_modules/bare/package.json', '{"name":"bare","version":"1.0.0","license":"MIT"}');

  expect(writeNotices(join(folder, 'node_modules/bare'))).toMatchObject({
    status: 1,
    stderr: 'bare has no licence file and names no author.\n',
  });
});
