import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../../src/model/manifest.ts';
import { createStore } from '../tools/store/store-fixture.ts';

const manifest = {
  name: 'tiny',
  title: 'Tiny',
  file: 'tiny.gguf',
  sizeBytes: 512,
  sha256: 'a'.repeat(64),
  licence: 'MIT',
  parameters: 32,
  quantisation: 'Q8_0',
  contextLength: 2048,
};

function directoryWith(content: string): string {
  const { directory } = createStore();
  writeFileSync(join(directory, 'model.json'), content);
  return directory;
}

test('reads what the store wrote', () => {
  expect(readManifest(directoryWith(JSON.stringify(manifest)))).toEqual(manifest);
});

test.each([
  ['that is not JSON', '{', 'is not a JSON object'],
  ['that is no object', '[', 'is not a JSON object'],
  ['without a file', JSON.stringify({ ...manifest, file: undefined }), 'has no usable "file"'],
  ['with a size in words', JSON.stringify({ ...manifest, sizeBytes: '512' }), 'has no usable "sizeBytes"'],
])('refuses one %s, with what to run', (_, content, said) => {
  const directory = directoryWith(content);
  expect(() => readManifest(directory)).toThrow(said);
  expect(() => readManifest(directory)).toThrow(`npm run model -- fetch --to ${directory}`);
});

test('names the directory without one', () => {
  expect(() => readManifest('/nonexistent')).toThrow('No model in /nonexistent');
});
