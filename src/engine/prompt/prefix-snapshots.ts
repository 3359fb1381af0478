// Snapshots of known prefixes in a folder: an index, and for each prefix a file with llama.cpp's state after it. They hold
// for one model and one way to evaluate it; what does not fit is passed over with one warning, and evaluated instead.
import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Token } from '../engine.ts';
import { type KnownPrefix, KnownPrefixes } from './known-prefixes.ts';

/** What a state depends on beside its tokens. */
export interface SnapshotKey {
  /** The model's SHA-256. */
  readonly model: string;
  /** Of llama.cpp's module: it may lay a state out in another way. */
  readonly release: string;
  readonly flashAttention: boolean;
  /** What keys and values are kept as. */
  readonly kvType: string;
}

interface SnapshotEntry {
  readonly name: string;
  readonly tokens: readonly Token[];
  /** Of the file, against damage. */
  readonly crc32: number;
}

interface SnapshotIndex {
  readonly key: SnapshotKey;
  readonly prefixes: readonly SnapshotEntry[];
}

const indexFile = 'index.json';

export class PrefixSnapshots {
  readonly known: KnownPrefixes;
  readonly #directory: string;
  readonly #entries: ReadonlyMap<string, SnapshotEntry>;
  /** Those that were found whole. */
  readonly #checked = new Set<string>();
  readonly #discarded = new Set<string>();

  private constructor(directory: string, known: KnownPrefixes, entries: readonly SnapshotEntry[]) {
    this.#directory = directory;
    this.known = known;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** No prefixes at all. */
  static none(): PrefixSnapshots {
    return PrefixSnapshots.unsaved(new KnownPrefixes([]));
  }

  /** Prefixes that are known, and have no snapshots yet. */
  static unsaved(known: KnownPrefixes): PrefixSnapshots {
    return new PrefixSnapshots('', known, []);
  }

  /** Reads a folder's index. Of a folder that is not there, or whose snapshots were made otherwise, nothing is known. */
  static read(directory: string, key: SnapshotKey): PrefixSnapshots {
    const path = join(directory, indexFile);
    if (!existsSync(path)) return PrefixSnapshots.none();
    try {
      const index = JSON.parse(readFileSync(path, 'utf8')) as SnapshotIndex;
      const stale = (Object.keys(key) as (keyof SnapshotKey)[]).find((each) => index.key[each] !== key[each]);
      if (stale === undefined) {
        return new PrefixSnapshots(directory, new KnownPrefixes(index.prefixes), index.prefixes);
      }
      warn(`${path} was made with another ${stale} (${index.key[stale]}, not ${key[stale]})`);
    } catch (error) {
      warn(`${path} cannot be read (${error instanceof Error ? error.message : error})`);
    }
    return PrefixSnapshots.none();
  }

  /** Writes the index of snapshots whose files are in the folder, `<name>.state` each. */
  static write(directory: string, key: SnapshotKey, prefixes: readonly KnownPrefix[]): void {
    const entries = prefixes.map(({ name, tokens }): SnapshotEntry => {
      return { name, tokens, crc32: checksumOf(join(directory, PrefixSnapshots.fileOf(name))) };
    });
    const path = join(directory, indexFile);
    writeFileSync(`${path}.part`, JSON.stringify({ key, prefixes: entries } satisfies SnapshotIndex));
    renameSync(`${path}.part`, path);
  }

  static fileOf(name: string): string {
    return `${name}.state`;
  }

  /** The whole file of a prefix's snapshot; undefined when there is none that can be used. */
  pathOf({ name }: KnownPrefix): string | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || this.#discarded.has(name)) return undefined;
    const path = join(this.#directory, PrefixSnapshots.fileOf(name));
    if (this.#checked.has(name)) return path;
    try {
      if (checksumOf(path) !== entry.crc32) throw new Error('its content is damaged');
    } catch (error) {
      this.discard(name, error);
      return undefined;
    }
    this.#checked.add(name);
    return path;
  }

  /** Looks at the file that takes longest to look at, before it is asked for. */
  checkLongest(): void {
    const longest = this.known.all.at(-1);
    if (longest !== undefined) this.pathOf(longest);
  }

  /** Passes a snapshot over from now on. */
  discard(name: string, reason: unknown): void {
    if (this.#discarded.has(name)) return;
    this.#discarded.add(name);
    warn(`the snapshot of ${name} cannot be used (${reason instanceof Error ? reason.message : reason})`);
  }
}

/** By pieces: memory for a whole file would take longer to get than its content to read. */
function checksumOf(path: string): number {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(1 << 20);
    let checksum = 0;
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      checksum = crc32(piece.subarray(0, length), checksum);
    }
    return checksum;
  } finally {
    closeSync(file);
  }
}

function warn(reason: string): void {
  process.stderr.write(`gguf-lambda: prefixes are evaluated anew: ${reason}\n`);
}
