import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertModelComplete } from '../../../src/model/model-size.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'model-size-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** The header of version 3 with one tensor and one entry, and some bytes. */
function writeGguf(name: string, size: number): void {
  const bytes = Buffer.alloc(size);
  bytes.write('GGUF');
  bytes.writeUInt32LE(3, 4);
  bytes.writeBigUInt64LE(1n, 8);
  bytes.writeBigUInt64LE(1n, 16);
  writeFileSync(join(folder, name), bytes);
}

describe('assertModelComplete', () => {
  it('accepts a file of the size that the manifest names', () => {
    writeGguf('a.gguf', 1000);

    expect(() => assertModelComplete(folder, { file: 'a.gguf', sizeBytes: 1000 })).not.toThrow();
  });

  it('adds up the parts of a split model', () => {
    writeGguf('a-00001-of-00002.gguf', 1000);
    writeGguf('a-00002-of-00002.gguf', 500);

    expect(() =>
      assertModelComplete(folder, { file: 'a-00001-of-00002.gguf', sizeBytes: 1500 }),
    ).not.toThrow();
  });

  it('names a file that is cut, and how to mend it', () => {
    writeGguf('a.gguf', 500);

    expect(() => assertModelComplete(folder, { file: 'a.gguf', sizeBytes: 1000 })).toThrow(
      /a\.gguf has 500 bytes, not the 1000 of its manifest\. Run: npm run model -- fetch/,
    );
  });

  it.each(['a.gguf', 'a-00002-of-00002.gguf'])('names a file that is not there: %s', (missing) => {
    writeGguf('a-00001-of-00002.gguf', 1000);
    const file = missing === 'a.gguf' ? missing : 'a-00001-of-00002.gguf';

    expect(() => assertModelComplete(folder, { file, sizeBytes: 1500 })).toThrow(
      `${missing} cannot be read.`,
    );
  });

  it('refuses a file that is no GGUF', () => {
    writeFileSync(join(folder, 'a.gguf'), Buffer.alloc(1000));

    expect(() => assertModelComplete(folder, { file: 'a.gguf', sizeBytes: 1000 })).toThrow(
      'is not a GGUF file',
    );
  });
});
