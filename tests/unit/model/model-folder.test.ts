import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readModelFolder } from '../../../src/model/model-folder.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'model-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function put(...files: string[]): void {
  for (const file of files) writeFileSync(join(directory, file), `GGUF of ${file}`);
}

test('describes the only GGUF of a folder without a manifest', () => {
  put('My-Model.Q4_0.gguf', 'README.md');

  expect(readModelFolder(directory)).toEqual({
    name: 'my-model.q4_0',
    file: 'My-Model.Q4_0.gguf',
    sizeBytes: 26,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    licence: 'unknown',
    parameters: 0,
    quantisation: 'unknown',
  });
});

test('takes the parts of a split model for one', () => {
  put('big-00002-of-00002.gguf', 'big-00001-of-00002.gguf');

  expect(readModelFolder(directory)).toMatchObject({
    name: 'big',
    file: 'big-00001-of-00002.gguf',
    sizeBytes: 62,
  });
});

test('tells another file of the same name from the one before', () => {
  put('tiny.gguf');
  const { sha256 } = readModelFolder(directory);
  writeFileSync(join(directory, 'tiny.gguf'), 'GGUF of weights that are other ones');

  expect(readModelFolder(directory).sha256).not.toBe(sha256);
});

test('refuses several models, and names them', () => {
  put('one.gguf', 'other.gguf');

  expect(() => readModelFolder(directory)).toThrow(
    `${directory} has no model.json and several models: one.gguf, other.gguf. Set MODEL_DIR to a folder with one.`,
  );
});

test('says what to run where there is no model', () => {
  expect(() => readModelFolder(directory)).toThrow(
    `No model in ${directory}: it has no model.json and no GGUF. Run: npm run model -- fetch --to ${directory}`,
  );
});
