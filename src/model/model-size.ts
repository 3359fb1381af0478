// A look at the files of a model before anything is loaded: a refusal is then one line.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { GgufError } from './gguf-error.ts';
import { assertGgufHeader } from './gguf-header.ts';
import type { ModelManifest } from './manifest.ts';
import { splitFileNames } from './split-files.ts';

/** @throws {GgufError} when a file is missing, is no GGUF, or has not the size that the manifest names */
export function assertModelComplete(
  directory: string,
  { file, sizeBytes }: Pick<ModelManifest, 'file' | 'sizeBytes'>,
): void {
  const path = join(directory, file);
  assertGgufHeader(path);
  const size = splitFileNames(file).reduce((sum, name) => sum + sizeOf(join(directory, name)), 0);
  if (size !== sizeBytes)
    throw new GgufError(
      `${path} has ${size} bytes, not the ${sizeBytes} of its manifest. Run: npm run model -- fetch --to ${directory}`,
    );
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (cause) {
    throw new GgufError(`${path} cannot be read.`, { cause });
  }
}
