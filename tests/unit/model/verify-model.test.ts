import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertModelIntact } from '../../../src/model/verify-model.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'model-'));
  writeFileSync(join(folder, 'model.json'), '{}');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const sha256 = createHash('sha256').update('first second').digest('hex');

describe('the check of a model', () => {
  it('takes the one that the manifest describes', async () => {
    writeFileSync(join(folder, 'a.gguf'), 'first second');

    await assertModelIntact(folder, { name: 'a', file: 'a.gguf', sha256 });
  });

  it('takes the parts of one together', async () => {
    writeFileSync(join(folder, 'a-00001-of-00002.gguf'), 'first ');
    writeFileSync(join(folder, 'a-00002-of-00002.gguf'), 'second');

    await assertModelIntact(folder, { name: 'a', file: 'a-00001-of-00002.gguf', sha256 });
  });

  it('refuses another one', async () => {
    writeFileSync(join(folder, 'a.gguf'), 'first seconD');

    await expect(assertModelIntact(folder, { name: 'a', file: 'a.gguf', sha256 })).rejects.toThrow(
      'is damaged or was replaced',
    );
  });

  it('refuses one without a manifest', async () => {
    rmSync(join(folder, 'model.json'));

    await expect(assertModelIntact(folder, { name: 'a', file: 'a.gguf', sha256 })).rejects.toThrow(
      'VERIFY_MODEL=true needs the hash',
    );
  });
});
