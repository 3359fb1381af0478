// States in a folder: of a disk, a volume, or EFS. Several processes may share it.
import { mkdir, rm } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { FolderArchiveConfig } from '../config/archive.ts';
import type { StateArchive, TransferEstimate } from '../engine/state-archive.ts';
import { type ArchiveOptions, Availability } from './availability.ts';
import { removeOldStates } from './remove-old-states.ts';
import { DamagedStateError, readStateFile, stateFileOf, writeStateFile } from './state-file.ts';
import { TransferTime, toEstimate } from './transfer-time.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A disk that is not in the file cache, or EFS. */
const firstGuess = { delayMs: 3, bytesPerMs: 300_000 };

export class FolderArchive implements StateArchive {
  readonly expected: TransferEstimate;
  readonly #config: FolderArchiveConfig;
  readonly #options: ArchiveOptions;
  readonly #readable: Availability;
  readonly #writable: Availability;
  readonly #reading = new TransferTime(firstGuess);
  readonly #writing = new TransferTime(firstGuess);
  /** Bytes in the folder, as far as this process knows. */
  #bytes = 0;

  /** Removes old states at once, and then every hour while the process lives. */
  constructor(config: FolderArchiveConfig, options: ArchiveOptions) {
    this.#config = config;
    this.#options = options;
    this.#readable = new Availability(options);
    this.#writable = new Availability(options);
    this.expected = toEstimate(this.#reading, this.#writing);
    void this.#removeOld();
    setInterval(() => void this.#removeOld(), hourMs).unref();
  }

  async read(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    if (this.#readable.isPaused) return undefined;
    const path = stateFileOf(this.#config.directory, key);
    const startedAt = performance.now();
    try {
      const state = await readStateFile(path, key, { notBefore: this.#expiredBefore(), signal });
      const ms = performance.now() - startedAt;
      if (state === undefined) this.#reading.learnDelay(ms);
      else this.#reading.learn(state.length, ms);
      this.#readable.succeeded();
      return state;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DamagedStateError) await this.#discard(path, error);
      else this.#readable.failed(`CACHE_DIR cannot be read`, error);
      return undefined;
    }
  }

  async write(key: string, state: Uint8Array): Promise<void> {
    if (this.#writable.isPaused) return;
    const startedAt = performance.now();
    try {
      await writeStateFile(stateFileOf(this.#config.directory, key), key, state);
      this.#writing.learn(state.length, performance.now() - startedAt);
      this.#writable.succeeded();
    } catch (error) {
      this.#writable.failed(`CACHE_DIR cannot be written`, error);
      return;
    }
    this.#bytes += state.length;
    if (this.#bytes > this.#config.megabytes * 1e6) await this.#removeOld();
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #expiredBefore(): number {
    return this.#now() - this.#config.days * dayMs;
  }

  async #removeOld(): Promise<void> {
    const { directory, megabytes } = this.#config;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      this.#bytes = await removeOldStates(directory, {
        bytes: megabytes * 1e6,
        notBefore: this.#expiredBefore(),
        unfinishedNotBefore: this.#now() - hourMs,
      });
    } catch (error) {
      this.#writable.failed(`CACHE_DIR cannot be cleared of old states`, error);
    }
  }

  async #discard(path: string, error: DamagedStateError): Promise<void> {
    this.#options.warn(
      `A state of a conversation is not used: ${path} is damaged, because ${error.message}.`,
    );
    await rm(path, { force: true }).catch(() => {});
  }
}
