// The catalog: which models can be baked into an image, where they come from and what their bytes must be.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { takeLock } from '../lock/file-lock.mjs';
import { reasonOf, StoreError } from './errors.ts';
import { replaceFile } from './replace-file.ts';

/** A name in the catalog, which is a directory's in the store too. */
export const catalogName = z
  .string()
  .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, 'expected lower-case letters, digits, "-", "_" and "."');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
const count = z.number().int().positive();
const sources = z
  .array(z.string().regex(/^(https?|hf|s3|file|pypi):/, 'expected https:, hf:, s3:, file: or pypi:'))
  .min(1);

/** What a model may be recommended for. */
export const tasks = ['chat', 'code', 'tools', 'embed'] as const;

const modelEntry = z
  .strictObject({
    name: catalogName,
    title: z.string().min(1),
    /** An SPDX identifier, or the licence's name where SPDX has none. */
    licence: z.string().min(1),
    /** The number of weights: the file's own once pinned, the model card's until then. */
    parameters: count,
    quantisation: z.string().min(1),
    /** Tokens: the file's own once pinned, the model card's until then. */
    contextLength: count,
    /** Bytes, exact; null until the first fetch. */
    sizeBytes: count.nullable(),
    /** Bytes, for choosing a memory size before the first fetch; never checked against. */
    approximateSizeBytes: count.optional(),
    /** The SHA-256 the file must have; null = not yet checked, pinned by the first fetch. */
    sha256: sha256.nullable(),
    /** When the hash was checked, and whether its source publishes it or it is that of the file as it came. */
    verified: z.strictObject({ on: z.iso.date(), by: z.enum(['source', 'file']) }).optional(),
    /** Tried in this order. */
    sources,
    /** What it is good for; a model without any is not recommended. */
    tasks: z.array(z.enum(tasks)).optional(),
    /** The sampling that its makers advise, for requests that leave these fields out. */
    sampling: z
      .strictObject({
        temperature: z.number().min(0).optional(),
        top_p: z.number().min(0).max(1).optional(),
        top_k: z.number().int().min(-1).optional(),
        min_p: z.number().min(0).max(1).optional(),
      })
      .optional(),
    /** The chat template of a GGUF without one: a name of llama.cpp's, or a file `*.jinja` in the catalog's folder. */
    chatTemplate: z.string().min(1).optional(),
    /** From its config.json: what the memory sum takes, before there is a file to read it from. */
    shape: z
      .strictObject({
        layers: count,
        /** Numbers of a token's keys in one layer, and as many of its values. */
        keyNumbers: count,
        vocabulary: count,
        embedding: count,
        feedForward: count,
        heads: count,
        /** Where some layers see only a sliding window: its tokens, how many layers, and llama.cpp's name of the architecture. */
        window: z.strictObject({ tokens: count, layers: count, architecture: z.string().min(1) }).optional(),
      })
      .optional(),
    note: z.string().min(1).optional(),
  })
  .refine((model) => (model.sha256 === null) === (model.sizeBytes === null), {
    message: 'sha256 and sizeBytes are pinned together: give both, or null for both',
    path: ['sizeBytes'],
  });

const toolBuild = z.strictObject({ sizeBytes: count, sha256, sources });

const toolEntry = z.strictObject({
  title: z.string().min(1),
  licence: z.string().min(1),
  /** The file's name in the store. */
  file: z.string().regex(/^[\w.-]+$/),
  builds: z.strictObject({ x64: toolBuild, arm64: toolBuild }),
});

const catalogSchema = z
  .strictObject({
    default: catalogName,
    models: z.array(modelEntry).min(1),
    tools: z.record(catalogName, toolEntry),
  })
  .superRefine((catalog, context) => {
    const names = catalog.models.map((model) => model.name);
    for (const [index, repeated] of names.entries()) {
      if (names.indexOf(repeated) === index && !(repeated in catalog.tools)) continue;
      context.addIssue({
        code: 'custom',
        message: `"${repeated}" is there twice`,
        path: ['models', index, 'name'],
      });
    }
    if (!names.includes(catalog.default)) {
      context.addIssue({
        code: 'custom',
        message: `"${catalog.default}" is not among the models`,
        path: ['default'],
      });
    }
  });

/** A model that can be fetched. */
export type ModelEntry = z.infer<typeof modelEntry>;
/** A binary the project needs beside a model, one build for each processor architecture. */
export type ToolEntry = z.infer<typeof toolEntry>;
/** The processor architectures a tool is built for, in Node's terms. */
export type Architecture = keyof ToolEntry['builds'];
/** `models/catalog.json`. */
export type Catalog = z.infer<typeof catalogSchema>;

/**
 * Reads and validates a catalog.
 *
 * @throws {StoreError} `malformed-catalog`, naming the file, the first field at fault and what it should be
 */
export function readCatalog(path: string): Catalog {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new StoreError('malformed-catalog', `The catalog ${path} cannot be read: ${reasonOf(error)}.`);
  }
  return checked(value, path);
}

/**
 * The model of that name.
 *
 * @throws {StoreError} `unknown-name`, listing the names there are
 */
export function findModel(catalog: Catalog, name: string): ModelEntry {
  const model = catalog.models.find((entry) => entry.name === name);
  if (model) return model;
  if (Object.hasOwn(catalog.tools, name))
    throw new StoreError('unknown-name', `"${name}" is a tool, not a model.`);
  const names = [...catalog.models.map((entry) => entry.name), ...Object.keys(catalog.tools)].join(', ');
  throw new StoreError('unknown-name', `The catalog has no "${name}". It has: ${names}.`);
}

/**
 * Checks that the catalog says what a model's bytes must be. Images are built of such models only: what a build pins is gone
 * with it, so that each build would trust anew whatever the source gives.
 *
 * @param name undefined for the catalog's default
 * @throws {StoreError} `unpinned`, with what pins it, or `unknown-name`
 */
export function assertPinned(catalog: Catalog, name: string = catalog.default): void {
  if (findModel(catalog, name).sha256 !== null) return;
  throw new StoreError(
    'unpinned',
    `${name} has no pinned hash to verify it against: run 'npm run model -- fetch ${name}', commit models/catalog.json, and build again.`,
  );
}

/**
 * Changes a catalog file: reads it anew under a lock, so that no change of another process is lost, and replaces it atomically.
 *
 * @throws {StoreError} `malformed-catalog`, before anything is written, when either version is not valid
 */
export async function updateCatalog(path: string, change: (catalog: Catalog) => Catalog): Promise<void> {
  const release = await takeLock(`${path}.lock`);
  using _lock = { [Symbol.dispose]: release };
  const text = `${JSON.stringify(checked(change(readCatalog(path)), path), null, 2)}\n`;
  await replaceFile(path, (temporary) => writeFile(temporary, text));
}

function checked(value: unknown, path: string): Catalog {
  const result = catalogSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || 'the whole file';
  throw new StoreError(
    'malformed-catalog',
    `The catalog ${path} is not valid at ${field}: ${issue?.message}.`,
  );
}
