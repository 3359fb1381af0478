// The manifest beside a stored model, read by the Lambda runtime while it starts. On the cold path:
// no schema library, no import beyond Node's own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GgufFacts } from './gguf-facts.ts';

/** The manifest's file name in a model's directory. */
export const MANIFEST_FILE = 'model.json';

/** What a model directory holds. */
export interface ModelManifest {
  /** The catalog's name, such as `smollm2-135m-instruct-q4_1`. */
  readonly name: string;
  readonly title: string;
  /** The GGUF to load, relative to the directory; of a split model its first part. */
  readonly file: string;
  /** Bytes of all the model's files together. */
  readonly sizeBytes: number;
  /** Lower-case hexadecimal SHA-256 of the file; of a split model, of its parts one after the other. */
  readonly sha256: string;
  /** An SPDX identifier, or the licence's name where SPDX has none. */
  readonly licence: string;
  /** The number of weights. */
  readonly parameters: number;
  /** In llama.cpp's terms, such as `Q4_K_M`. */
  readonly quantisation: string;
  /** Tokens the model was trained to attend to. */
  readonly contextLength: number;
  /** The sampling that its makers advise; absent where they advise none. */
  readonly sampling?: Readonly<
    Partial<Record<'temperature' | 'top_p' | 'top_k' | 'min_p', number | undefined>>
  >;
  /** Takes the place of the GGUF's chat template: Jinja code, or a name of llama.cpp's. */
  readonly chatTemplate?: string;
  /** What the GGUF's header tells the engine; absent in a manifest that was written by hand or by an earlier version. */
  readonly gguf?: GgufFacts;
}

const TEXTS = ['name', 'title', 'file', 'sha256', 'licence', 'quantisation'] as const;
const COUNTS = ['sizeBytes', 'parameters', 'contextLength'] as const;

/**
 * Reads `model.json` of a model directory. The weights themselves were verified when the directory was made.
 *
 * @throws {Error} when the file is missing or lacks a field, naming the directory and the command that mends it
 */
export function readManifest(directory: string): ModelManifest {
  const path = join(directory, MANIFEST_FILE);
  const manifest = parse(path, directory);
  for (const field of TEXTS) {
    if (typeof manifest[field] !== 'string' || manifest[field] === '')
      throw malformed(path, directory, field);
  }
  for (const field of COUNTS) {
    const value = manifest[field];
    if (!(Number.isSafeInteger(value) && (value as number) >= 0)) throw malformed(path, directory, field);
  }
  const { gguf, ...rest } = manifest as unknown as ModelManifest;
  return gguf?.memory === undefined ? rest : { ...rest, gguf };
}

function parse(path: string, directory: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? `it has no ${MANIFEST_FILE} and no GGUF` : `${path} cannot be read (${code})`;
    throw new Error(`No model in ${directory}: ${reason}. ${advice(directory)}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported below, as every other malformed manifest.
  }
  throw new Error(`${path} is not a JSON object. ${advice(directory)}`);
}

function malformed(path: string, directory: string, field: string): Error {
  return new Error(`${path} has no usable "${field}". ${advice(directory)}`);
}

function advice(directory: string): string {
  return `Run: npm run model -- fetch --to ${directory}`;
}
