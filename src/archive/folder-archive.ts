// An archive in a folder: of a disk, a volume, or EFS. Several processes may share it.
import { mkdir, rm } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { FolderArchiveConfig } from '../config/archive.ts';
import type { TransferEstimate } from '../engine/state-archive.ts';
import type { Archive } from './archive.ts';
import { type ArchiveOptions, Availability } from './availability.ts';
import { type Contents, contentsOf } from './contents.ts';
import { DamagedFileError, type FileNaming, keptFileOf, readKeptFile, writeKeptFile } from './kept-file.ts';
import { removeOldFiles } from './remove-old-files.ts';
import { TransferTime, toEstimate } from './transfer-time.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A disk that is not in the file cache, or EFS. */
const firstGuess = { delayMs: 3, bytesPerMs: 300_000 };

export class FolderArchive implements Archive {
  readonly expected: TransferEstimate;
  readonly #config: FolderArchiveConfig;
  readonly #options: ArchiveOptions;
  readonly #contents: Contents;
  readonly #naming: FileNaming;
  readonly #readable: Availability;
  readonly #writable: Availability;
  readonly #reading = new TransferTime(firstGuess);
  readonly #writing = new TransferTime(firstGuess);
  /** Bytes in the folder, as far as this process knows. */
  #bytes = 0;
  /** Bytes that this process has ever written to it. */
  #written = 0;

  /** Removes old files at once, and then every hour while the process lives. */
  constructor(config: FolderArchiveConfig, options: ArchiveOptions) {
    this.#config = config;
    this.#options = options;
    this.#contents = contentsOf[config.name];
    this.#naming = { directory: config.directory, extension: this.#contents.extension };
    this.#readable = new Availability(options, this.#contents);
    this.#writable = new Availability(options, this.#contents);
    this.expected = toEstimate(this.#reading, this.#writing);
    void this.#removeOld();
    setInterval(() => void this.#removeOld(), hourMs).unref();
  }

  get isReadable(): boolean {
    return !this.#readable.hasFailed;
  }

  async read(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    if (this.#readable.isPaused) return undefined;
    const path = keptFileOf(this.#naming, key);
    const startedAt = performance.now();
    try {
      const bytes = await readKeptFile(path, key, { notBefore: this.#expiredBefore(), signal });
      const ms = performance.now() - startedAt;
      if (bytes === undefined) this.#reading.learnDelay(ms);
      else this.#reading.learn(bytes.length, ms);
      this.#readable.succeeded();
      return bytes;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DamagedFileError) await this.#discard(path, error);
      else this.#readable.failed(`${this.#variable} cannot be read`, error);
      return undefined;
    }
  }

  async write(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#writable.isPaused) return false;
    const startedAt = performance.now();
    try {
      await writeKeptFile(keptFileOf(this.#naming, key), key, bytes);
      this.#writing.learn(bytes.length, performance.now() - startedAt);
      this.#writable.succeeded();
    } catch (error) {
      this.#writable.failed(`${this.#variable} cannot be written`, error);
      return false;
    }
    this.#bytes += bytes.length;
    this.#written += bytes.length;
    if (this.#bytes > this.#config.megabytes * 1e6) await this.#removeOld();
    return true;
  }

  async remove(key: string): Promise<boolean> {
    try {
      await rm(keptFileOf(this.#naming, key), { force: true });
      return true;
    } catch (error) {
      this.#writable.failed(`${this.#variable} cannot be written`, error);
      return false;
    }
  }

  get #variable(): string {
    return `${this.#config.name}_DIR`;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #expiredBefore(): number {
    return this.#now() - this.#config.days * dayMs;
  }

  async #removeOld(): Promise<void> {
    const { directory, megabytes } = this.#config;
    const before = this.#written;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const left = await removeOldFiles(this.#naming, {
        bytes: megabytes * 1e6,
        notBefore: this.#expiredBefore(),
        unfinishedNotBefore: this.#now() - hourMs,
      });
      // What was written meanwhile may have been seen or not.
      this.#bytes = left + this.#written - before;
    } catch (error) {
      this.#writable.failed(`${this.#variable} cannot be cleared of old files`, error);
    }
  }

  async #discard(path: string, error: DamagedFileError): Promise<void> {
    this.#options.warn(`${this.#contents.title} is not used: ${path} is damaged, because ${error.message}.`);
    await rm(path, { force: true }).catch(() => {});
  }
}
