// Answers a batch on this machine with the same code as in AWS. Intermediate results are in a folder beside the file, so
// that an interrupted run can be resumed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type BatchChunk, toBatchKeys } from '../../src/batch/batch-objects.ts';
import { toResultId } from '../../src/batch/batch-result.ts';
import { answerChunk } from '../../src/batch/chunk.ts';
import { joinBatch } from '../../src/batch/files/join.ts';
import { splitBatch } from '../../src/batch/files/split.ts';
import { readLines } from '../../src/batch/lines.ts';
import type { Environment } from '../../src/config/environment.ts';
import { toRequestContext } from '../../src/generation/context.ts';
import type { Service } from '../../src/http/service.ts';
import { isJsonObject } from '../../src/json-schema/json-object.ts';
import { loadService } from '../../src/startup/load-service.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { takeLock } from '../lock/file-lock.mjs';
import type { Progress } from '../terminal/pace.ts';
import { DirectoryStore } from './directory-store.ts';
import { BatchError } from './failure.ts';

export interface LocalOptions {
  /** Directory of the results. Default: that of the file. */
  readonly to?: string;
  /** Requests answered in parallel. */
  readonly slots: number;
  /** The environment variables of the functions: MODEL_DIR, THREADS, CONTEXT_SIZE and so on. */
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Called with lines. */
  readonly onProgress: (progress: Progress) => void;
  /** Creates the service. Default: loads the model that `env` names. */
  readonly load?: (env: Environment) => Promise<Service>;
}

export interface LocalResults {
  /** Whether an earlier run has answered the file, and this one has left its results as they are. */
  readonly wasAnswered: boolean;
  readonly output: { readonly path: string; readonly lines: number };
  readonly errors: { readonly path: string; readonly lines: number };
}

/** Lines whose results are joined into one file; the same for every run, so that a run can be resumed. */
const linesPerChunk = 500;

/**
 * Answers a file of requests into `NAME.output.jsonl` and `NAME.errors.jsonl`, unless they hold its results already.
 *
 * @throws {BatchError} when there is no such file, or another process is answering it
 * @throws {Error} named UnusableInputError when the file has no lines
 * @throws the signal's reason when aborted; the next call resumes
 */
export async function answerFile(file: string, options: LocalOptions): Promise<LocalResults> {
  const { signal, onProgress, slots, load = loadService, to = dirname(file) } = options;
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new BatchError(`There is no file ${file}: check the path.`);
  const name = basename(file, extname(file));
  const store = new DirectoryStore(join(to, `${basename(file)}.batch`));
  // Beside the folder, which is removed before the lock is released.
  const release = await takeLock(`${store.root}.lock`, {
    onWait: (holder) => {
      throw new BatchError(`${file} is already answered by ${holder}: wait until it ends, or stop it.`);
    },
  });
  using _lock = { [Symbol.dispose]: release };
  // The id depends on the file and the model, so a changed file or another model starts a new batch.
  const service = await load({ ...options.env, SLOTS: String(slots), QUEUE_LIMIT: '100000' });
  const { model, engine, telemetry = new Telemetry() } = service;
  await using _engine = engine;
  const id = (await digestOf(file, [model, engine.properties.description, engine.contextSize])).slice(0, 16);
  const keys = toBatchKeys(id);
  const output = join(to, `${name}.output.jsonl`);
  const errors = join(to, `${name}.errors.jsonl`);
  await mkdir(dirname(store.path(keys.input)), { recursive: true });
  await rm(store.path(keys.input), { force: true });
  await symlink(resolve(file), store.path(keys.input));

  const { lines } = await splitBatch(id, linesPerChunk, store).catch(async (error: unknown) => {
    // After any other failure, such as a full disk, the next run needs what was answered before.
    if (error instanceof Error && error.name === 'UnusableInputError')
      await rm(store.root, { recursive: true });
    throw error;
  });
  const earlier = await countResults([output, errors], id);
  if (earlier !== undefined && earlier[0] + earlier[1] === lines) {
    await rm(store.root, { recursive: true });
    const [answered, failed] = earlier;
    return {
      wasAnswered: true,
      output: { path: output, lines: answered },
      errors: { path: errors, lines: failed },
    };
  }
  const chunks = JSON.parse(Buffer.from(await store.read(keys.chunks)).toString()) as BatchChunk[];
  for (const chunk of chunks) {
    await answerChunk({ batch: id, chunk }, store, service, {
      remainingMs: () => Number.POSITIVE_INFINITY,
      // Results carry the id of their batch: by that a finished file is known.
      toContext: ({ number }) => toRequestContext(telemetry.begin({ id: `${id}-${number}` }), { signal }),
      log: console.error,
      signal,
      onSaved: (saved) => onProgress({ done: chunk.first + saved, total: lines }),
    });
  }
  const { answered, failed } = await joinBatch(id, lines, store);
  await rename(store.path(keys.output), output);
  await rename(store.path(keys.errors), errors);
  await rm(store.root, { recursive: true });
  return {
    wasAnswered: false,
    output: { path: output, lines: answered },
    errors: { path: errors, lines: failed },
  };
}

/** Counts the results of a batch in both of its files. Returns undefined where a file is missing or is of another batch. */
async function countResults(
  [output, errors]: readonly [string, string],
  id: string,
): Promise<[answered: number, failed: number] | undefined> {
  try {
    return [await countLines(output, id), await countLines(errors, id)];
  } catch {
    return undefined;
  }
}

async function countLines(path: string, id: string): Promise<number> {
  let count = 0;
  for await (const { text } of readLines(createReadStream(path))) {
    const result: unknown = JSON.parse(Buffer.from(text).toString());
    if (!isJsonObject(result) || !String(result.id).startsWith(`${toResultId(id)}-`))
      throw new Error(`${path} has results of another batch.`);
    count += 1;
  }
  return count;
}

async function digestOf(file: string, others: readonly (string | number)[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(others));
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
