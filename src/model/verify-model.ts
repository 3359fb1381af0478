// Compares a model with the hash in its manifest. Off by default: the hash was checked when the model was stored, and to read a
// file of a gigabyte again takes a second or two.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE, type ModelManifest } from './manifest.ts';
import { splitFileNames } from './split-files.ts';

/** @throws {Error} when the model has no manifest, or is not the one that it describes */
export async function assertModelIntact(
  directory: string,
  { name, file, sha256 }: Pick<ModelManifest, 'name' | 'file' | 'sha256'>,
): Promise<void> {
  if (!existsSync(join(directory, MANIFEST_FILE)))
    throw new Error(`VERIFY_MODEL=true needs the hash in ${MANIFEST_FILE}, and ${directory} has none.`);
  const hash = createHash('sha256');
  for (const part of splitFileNames(file))
    for await (const bytes of createReadStream(join(directory, part), { highWaterMark: 1 << 20 }))
      hash.update(bytes as Buffer);
  const actual = hash.digest('hex');
  if (actual === sha256) return;
  throw new Error(
    `The model ${name} in ${directory} is damaged or was replaced: its SHA-256 is ${actual}, not ${sha256}.`,
  );
}
