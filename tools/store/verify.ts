// Are these the bytes that were asked for? Magic, size and SHA-256, streamed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { StoreError } from './errors.ts';

/** What files are known to be; null where nothing is known yet. */
export interface Expectation {
  readonly gguf: boolean;
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

/** What files were found to be. */
export interface Measured {
  /** Bytes of all files together. */
  readonly sizeBytes: number;
  /** Lower-case hexadecimal SHA-256 of the files' bytes, one file after the other. */
  readonly sha256: string;
}

/**
 * Reads files through and compares them with what they must be; the cheap checks come first.
 *
 * @param origin where the bytes are from, named in the error
 * @throws {StoreError} `not-gguf`, `wrong-size`, `wrong-hash`, or `interrupted` on `signal`
 */
export async function verifyFiles(
  paths: readonly string[],
  expected: Expectation,
  origin: string,
  signal: AbortSignal | undefined,
): Promise<Measured> {
  let sizeBytes = 0;
  for (const path of paths) {
    sizeBytes += (await stat(path)).size;
    if (expected.gguf) await checkMagic(path, origin);
  }
  if (expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes) {
    const fault = sizeBytes < expected.sizeBytes ? 'too short' : 'too long';
    const sizes = `${sizeBytes} bytes where ${expected.sizeBytes} are expected`;
    throw new StoreError('wrong-size', `${origin} is ${fault}: ${sizes}.`);
  }
  const sha256 = await hashFiles(paths, origin, signal);
  if (expected.sha256 !== null && sha256 !== expected.sha256) {
    const hashes = `its SHA-256 is ${sha256} and ${expected.sha256} is expected`;
    throw new StoreError('wrong-hash', `${origin} is another file: ${hashes}.`);
  }
  return { sizeBytes, sha256 };
}

async function hashFiles(
  paths: readonly string[],
  origin: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  try {
    for (const path of paths) {
      const stream = createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) });
      for await (const chunk of stream) hash.update(chunk as Buffer);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new StoreError('interrupted', `${origin}: interrupted while it was verified.`, { cause: error });
  }
  return hash.digest('hex');
}

async function checkMagic(path: string, origin: string): Promise<void> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const start = buffer.subarray(0, bytesRead).toString('latin1');
    if (start === 'GGUF') return;
    throw new StoreError(
      'not-gguf',
      `${origin} is not a GGUF file: it begins with ${JSON.stringify(start)}.`,
    );
  } finally {
    await file.close();
  }
}
