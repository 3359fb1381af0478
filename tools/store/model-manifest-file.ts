// Writing the manifest that the Lambda runtime reads: from the catalog and the GGUF's own header, which decides where
// the catalog does not know the model exactly yet.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MANIFEST_FILE, type ModelManifest, readManifest } from '../../src/model/manifest.ts';
import type { ModelEntry } from './catalog.ts';
import { reasonOf, StoreError } from './errors.ts';
import { describeGguf } from './gguf-description.ts';
import { replaceFile } from './replace-file.ts';
import type { Measured } from './verify.ts';

/** The files of a model. */
export interface StoredFiles {
  /** The path of the catalog. */
  readonly catalog: string;
  readonly directory: string;
  readonly files: readonly string[];
  readonly measured: Measured;
}

/**
 * The manifest of a model whose files were measured. An entry without a hash yields to the GGUF's header,
 * and a header without weights or context length is refused as `not-gguf`.
 */
export async function toManifest(
  model: ModelEntry,
  { catalog, directory, files, measured }: StoredFiles,
): Promise<ModelManifest> {
  const file = files[0] ?? '';
  const chatTemplate = model.chatTemplate && (await readTemplate(model.chatTemplate, catalog));
  const description = await describeGguf(join(directory, file));
  const header = model.sha256 === null ? description : null;
  const parameters = header ? (header.parameters ?? 0) : model.parameters;
  const contextLength = header?.contextLength ?? model.contextLength;
  if (parameters <= 0 || contextLength <= 0) {
    throw new StoreError(
      'not-gguf',
      `${file} holds no language model: its header names no weights or no context length.`,
    );
  }
  return {
    name: model.name,
    title: model.title,
    file,
    sizeBytes: measured.sizeBytes,
    sha256: measured.sha256,
    licence: model.licence,
    parameters,
    quantisation: header?.quantisation ?? model.quantisation,
    contextLength,
    ...(model.sampling && { sampling: model.sampling }),
    ...(chatTemplate && { chatTemplate }),
    gguf: description.facts,
  };
}

/**
 * Returns a name as it is, and the text of a file: an image has no catalog, so the manifest has it.
 *
 * @throws {StoreError} `malformed-catalog` when the file cannot be read
 */
export async function readTemplate(given: string, catalog: string): Promise<string> {
  if (!given.endsWith('.jinja')) return given;
  const path = resolve(dirname(catalog), given);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = `The chat template ${path} cannot be read: ${reasonOf(error)}.`;
    throw new StoreError('malformed-catalog', reason, { cause: error });
  }
}

/** Writes a manifest in one step, unless the directory has the same one. */
export async function writeManifest(directory: string, manifest: ModelManifest): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  try {
    if (JSON.stringify(readManifest(directory)) === JSON.stringify(manifest)) return;
  } catch {
    // None there, or one that cannot be read: written below.
  }
  await replaceFile(join(directory, MANIFEST_FILE), (temporary) => writeFile(temporary, text));
}
