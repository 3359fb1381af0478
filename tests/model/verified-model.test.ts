// VERIFY_MODEL=true, as a start of the server has it.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { model, modelPath } from './default-model.ts';
import { startFrontProcess } from './front-process.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verified-model-'));
  cpSync(dirname(modelPath), folder, { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

it('the model of the manifest starts', async () => {
  const front = await startFrontProcess({ MODEL_DIR: folder, VERIFY_MODEL: 'true' });

  expect(await front.end('SIGTERM')).toMatchObject({ code: 0 });
});

it('a replaced model does not start', async () => {
  const path = join(folder, model.file);
  const bytes = readFileSync(path);
  // In a weight: llama.cpp would not notice.
  bytes[bytes.length - 1000] = (bytes[bytes.length - 1000] ?? 0) ^ 1;
  rmSync(path);
  writeFileSync(path, bytes);

  await expect(startFrontProcess({ MODEL_DIR: folder, VERIFY_MODEL: 'true' })).rejects.toThrow(
    'is damaged or was replaced',
  );
  const unverified = await startFrontProcess({ MODEL_DIR: folder });
  expect(await unverified.end('SIGTERM')).toMatchObject({ code: 0 });
});
