// A look at a model file before the library has it: its own reader runs for ever on some files that are no
// GGUF, and an environment that cannot start should say so.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { GgufError } from './gguf-error.ts';

/** Magic, version, and the counts of tensors and of metadata entries, little-endian. */
const headerBytes = 24;
const versions = [2, 3];

/** A metadata entry or a tensor's description takes more bytes than this. */
const fewestBytesPerEntry = 8n;

/**
 * Reads the first bytes of a GGUF.
 *
 * @throws {GgufError} when the file cannot be read, or cannot be a GGUF that llama.cpp reads
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function assertGgufHeader(path: string): void {
  const { header, size } = readHeader(path);
  if (header.length < headerBytes || header.toString('latin1', 0, 4) !== 'GGUF') {
    throw new GgufError(`${path} is not a GGUF file.`);
  }
  const version = header.readUInt32LE(4);
  if (!versions.includes(version)) {
    throw new GgufError(`${path} is a GGUF of version ${version}; ${versions.join(' and ')} can be read.`);
  }
  const entries = header.readBigUInt64LE(8) + header.readBigUInt64LE(16);
  if (entries === 0n || entries * fewestBytesPerEntry > BigInt(size)) {
    throw new GgufError(`${path} is damaged: its header promises ${entries} entries in ${size} bytes.`);
  }
}

function readHeader(path: string): { header: Buffer; size: number } {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new GgufError(`${path} cannot be read.`, { cause });
  }
  try {
    const header = Buffer.alloc(headerBytes);
    return { header: header.subarray(0, readSync(file, header)), size: fstatSync(file).size };
  } finally {
    closeSync(file);
  }
}
