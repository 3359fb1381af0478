// A file of an archive: the bytes, and behind them a trailer of a signature, the key and a checksum of all that.
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** The file has not the bytes that were written under this key. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';
}

/** Ends the name of a file that is being written. */
export const unfinished = '.part';

/** Where an archive has its files, and how their names end. */
export interface FileNaming {
  readonly directory: string;
  readonly extension: string;
}

/** Whether a file is not there. NFS and EFS report ESTALE for one that another machine removed or replaced while it was open. */
export function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESTALE';
}

/** Returns the path of a key's file. A folder of 256 folders stays quick to list. */
export function keptFileOf({ directory, extension }: FileNaming, key: string): string {
  return join(directory, key.slice(0, 2), `${key}.${extension}`);
}

/** Whether a file of this name is one of the archive's, finished or not. */
export function isKeptFile({ extension }: Pick<FileNaming, 'extension'>, name: string): boolean {
  const [key = '', end, unique = '', ...more] = name.split('.');
  if (!/^[0-9a-f]{64}$/.test(key) || end !== extension) return false;
  return name.split('.').length === 2 || (/^[0-9a-f-]+$/.test(unique) && more.join('.') === 'part');
}

/** Another number for another layout. */
const signature = Buffer.from('gguf-st1');
const checksumBytes = 4;
const trailerBytes = signature.length + 32 + checksumBytes;

/** The checksum of a piece blocks JavaScript for 2 ms. */
const pieceBytes = 4 << 20;

/** Writes a file that only its owner reads. It has its name when it is complete. */
export async function writeKeptFile(path: string, key: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}${unfinished}`;
  try {
    // The data is not forced to the disk: the checksum finds a file that lost some of it to a power failure.
    await using file = await open(temporary, 'wx', 0o600);
    let checksum = 0;
    for (const piece of piecesOf(bytes)) {
      checksum = crc32(piece, checksum);
      await writeAll(file, piece);
    }
    await writeAll(file, toTrailer(key, checksum));
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

export interface ReadOptions {
  /** A file that was written before this, in milliseconds since 1970, has expired. */
  readonly notBefore: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns undefined when there is no such file, or when it has expired.
 *
 * @throws {DamagedFileError} when it is not what was written under this key
 */
export async function readKeptFile(
  path: string,
  key: string,
  options: ReadOptions,
): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, 'r');
    return await readWhole(file, key, options);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function readWhole(
  file: FileHandle,
  key: string,
  { notBefore, signal }: ReadOptions,
): Promise<Uint8Array | undefined> {
  const { size, mtimeMs } = await file.stat();
  if (mtimeMs < notBefore) return undefined;
  if (size < trailerBytes) throw new DamagedFileError(`it has only ${size} bytes`);
  // Filling so much memory with zeros first would take as long as reading it.
  const bytes = Buffer.allocUnsafeSlow(size - trailerBytes);
  let checksum = 0;
  let position = 0;
  for (const piece of piecesOf(bytes)) {
    signal?.throwIfAborted();
    await readAll(file, piece, position);
    position += piece.length;
    checksum = crc32(piece, checksum);
  }
  const trailer = Buffer.alloc(trailerBytes);
  await readAll(file, trailer, position);
  if (!trailer.equals(toTrailer(key, checksum))) {
    throw new DamagedFileError('its checksum or its key differs');
  }
  return bytes;
}

/** `checksum` is that of the bytes. */
function toTrailer(key: string, checksum: number): Buffer {
  const identity = Buffer.concat([signature, Buffer.from(key, 'hex')]);
  const last = Buffer.alloc(checksumBytes);
  last.writeUInt32LE(crc32(identity, checksum));
  return Buffer.concat([identity, last]);
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done)).bytesWritten;
  }
}

async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new DamagedFileError('it ends early');
    done += bytesRead;
  }
}
