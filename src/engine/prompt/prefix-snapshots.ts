// Snapshots of known prefixes in a folder: an index, and for each prefix a file with llama.cpp's state behind it. A snapshot is
// valid for one model and one way to evaluate it. An unusable one is reported once, and its prefix is evaluated instead.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { KvType, Token } from '../engine.ts';
import { type KnownPrefix, KnownPrefixes } from './known-prefixes.ts';

/** Everything that a state depends on except its tokens. */
export interface SnapshotKey {
  /** The model's SHA-256. */
  readonly model: string;
  /** The release of llama.cpp's module: another one may lay out a state differently. */
  readonly release: string;
  readonly flashAttention: boolean;
  /** The type of keys and values. */
  readonly kvType: KvType;
}

interface SnapshotEntry {
  readonly name: string;
  readonly tokens: readonly Token[];
  /** The checksum of the file. */
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
  /** When each file with the right checksum was written, by name: another model's prefixes may be written over it. */
  readonly #checked = new Map<string, number>();
  readonly #discarded = new Set<string>();

  private constructor(directory: string, known: KnownPrefixes, entries: readonly SnapshotEntry[]) {
    this.#directory = directory;
    this.known = known;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** Knows no prefixes. */
  static none(): PrefixSnapshots {
    return PrefixSnapshots.unsaved(new KnownPrefixes([]));
  }

  /** Knows prefixes that have no snapshots yet. */
  static unsaved(known: KnownPrefixes): PrefixSnapshots {
    return new PrefixSnapshots('', known, []);
  }

  /** Reads a folder's index. Knows no prefixes when there is no folder, or when its snapshots have another key. */
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

  /** The type of keys and values in a folder's snapshots of a model, where there are any. Other folders have `read` complain. */
  static kvTypeOf({ directory, model }: { directory: string; model: string }): KvType | undefined {
    try {
      const { key } = JSON.parse(readFileSync(join(directory, indexFile), 'utf8')) as SnapshotIndex;
      return key.model === model ? key.kvType : undefined;
    } catch {
      return undefined;
    }
  }

  /** Writes the index of a folder that has the prefixes' files already, each named by {@link fileOf}. */
  static write(directory: string, key: SnapshotKey, prefixes: readonly KnownPrefix[]): void {
    const entries = prefixes.map(({ name, tokens }): SnapshotEntry => {
      return { name, tokens, crc32: checksumOf(join(directory, PrefixSnapshots.fileOf(name))) };
    });
    const path = join(directory, indexFile);
    const part = `${path}.${randomUUID()}.part`;
    writeFileSync(part, JSON.stringify({ key, prefixes: entries } satisfies SnapshotIndex));
    renameSync(part, path);
  }

  static fileOf(name: string): string {
    return `${name}.state`;
  }

  /** The file of a prefix's snapshot, checked against its checksum; undefined when there is no usable one. */
  pathOf({ name }: KnownPrefix): string | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || this.#discarded.has(name)) return undefined;
    const path = join(this.#directory, PrefixSnapshots.fileOf(name));
    try {
      const { mtimeMs } = statSync(path);
      if (this.#checked.get(name) === mtimeMs) return path;
      if (checksumOf(path) !== entry.crc32) throw new Error('its content is damaged');
      this.#checked.set(name, mtimeMs);
    } catch (error) {
      this.discard(name, error);
      return undefined;
    }
    return path;
  }

  /** Checks the longest prefix's file, which takes longest, before a request needs it. */
  checkLongest(): void {
    const longest = this.known.all.at(-1);
    if (longest !== undefined) this.pathOf(longest);
  }

  /** Does not use a snapshot from now on, and reports it. */
  discard(name: string, reason: unknown): void {
    if (this.#discarded.has(name)) return;
    this.#discarded.add(name);
    warn(`the snapshot of ${name} cannot be used (${reason instanceof Error ? reason.message : reason})`);
  }
}

/** Reads the file in pieces: allocating memory for all of it takes longer than reading it. */
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
