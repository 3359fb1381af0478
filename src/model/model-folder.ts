// A folder with a model: one that the store has described in its manifest, or a GGUF that somebody has put there.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE, type ModelManifest, readManifest } from './manifest.ts';

/** What the engine takes of a manifest. */
export type ModelFolder = Omit<ModelManifest, 'title' | 'contextLength'>;

/** Only the store reads these from a header. */
const unknown = { licence: 'unknown', parameters: 0, quantisation: 'unknown' };

/** Holds the metadata of a GGUF, or most of it. */
const headBytes = 1 << 20;

/**
 * Reads the manifest of a folder, or describes the only GGUF in it. Of such a file the hash is that of its beginning, name, size
 * and time: it tells one model from another, and reading all of it would take seconds.
 *
 * @throws {Error} when the folder holds no model, or several, or its manifest is malformed
 */
export function readModelFolder(directory: string): ModelFolder {
  if (existsSync(join(directory, MANIFEST_FILE))) return readManifest(directory);
  const files = listFiles(directory).filter((name) => /\.gguf$/i.test(name));
  const [file, ...others] = files.filter((name) => !isLaterPart(name));
  if (file === undefined) return readManifest(directory);
  if (others.length > 0) {
    const names = [file, ...others].join(', ');
    throw new Error(
      `${directory} has no ${MANIFEST_FILE} and several models: ${names}. Set MODEL_DIR to a folder with one.`,
    );
  }
  const parts = toPartsOf(file, files).map((name) => ({ name, ...statSync(join(directory, name)) }));
  const sizeBytes = parts.reduce((sum, { size }) => sum + size, 0);
  const hash = createHash('sha256').update(readHead(join(directory, file)));
  for (const { name, size, mtimeMs } of parts) hash.update(`${name} ${size} ${mtimeMs}\n`);
  return { name: toName(file), file, sizeBytes, sha256: hash.digest('hex'), ...unknown };
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function isLaterPart(name: string): boolean {
  const [, part] = splitName.exec(name) ?? [];
  return part !== undefined && Number(part) > 1;
}

function toPartsOf(file: string, files: readonly string[]): string[] {
  const [match, , total] = splitName.exec(file) ?? [];
  if (match === undefined) return [file];
  const stem = file.slice(0, -match.length);
  return files.filter((name) => name.startsWith(stem) && splitName.exec(name)?.[2] === total);
}

/** Large models are published in parts, and llama.cpp loads them by the name of the first one. */
const splitName = /-(\d{5})-of-(\d{5})\.gguf$/i;

function toName(file: string): string {
  return file
    .replace(splitName, '')
    .replace(/\.gguf$/i, '')
    .toLowerCase();
}

function readHead(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}
