// Snapshots of known prefixes: which ones fit this model, and how new ones are made.
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { KvType } from '../engine.ts';
import { type KnownPrefix, KnownPrefixes } from '../prompt/known-prefixes.ts';
import { PrefixSnapshots, type SnapshotKey } from '../prompt/prefix-snapshots.ts';
import type { LlamaModel } from './llama-model.ts';
import { createSlots, type LlamaSlotsParts } from './llama-slots.ts';

export interface PrefixOptions {
  readonly directory: string;
  /** The model's SHA-256. */
  readonly model: string;
}

export interface ReadSnapshotsOptions {
  readonly prefixes?: PrefixOptions | undefined;
  readonly kvType: KvType;
}

/**
 * Reads the snapshots that a context can restore. A snapshot does not hold all of the state of a recurrent or a sliding-window
 * model.
 */
export function readSnapshots(
  model: LlamaModel,
  { prefixes, kvType }: ReadSnapshotsOptions,
): PrefixSnapshots {
  const canRestore = model.canForget && model.facts.slidingWindow === null;
  if (prefixes === undefined || !canRestore) return PrefixSnapshots.none();
  return PrefixSnapshots.read(prefixes.directory, toSnapshotKey(model, prefixes.model, kvType));
}

/**
 * Evaluates prefixes and writes snapshots of them into a folder, for other processes to restore.
 *
 * @param prefixes - each has tokens, and leaves room in the context
 * @throws {Error} when a file cannot be written
 */
export async function bakeSnapshots(
  prefixes: readonly KnownPrefix[],
  parts: LlamaSlotsParts,
  { directory, model }: PrefixOptions,
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const known = new KnownPrefixes(prefixes);
  const snapshots = PrefixSnapshots.unsaved(known);
  const { context, pool } = await createSlots(parts, { sequences: 1, scoring: false, snapshots });
  try {
    const sequence = await pool.acquire(() => 0);
    for (const prefix of known.all) {
      const path = join(directory, PrefixSnapshots.fileOf(prefix.name));
      // A server may be reading the file of that name.
      const part = `${path}.${randomUUID()}.part`;
      await sequence.saveSnapshot(prefix, part);
      renameSync(part, path);
    }
  } finally {
    await context.dispose();
  }
  PrefixSnapshots.write(directory, toSnapshotKey(parts.model, model, parts.kvType), known.all);
}

function toSnapshotKey({ release }: LlamaModel, model: string, kvType: KvType): SnapshotKey {
  return { model, release, flashAttention: true, kvType };
}
