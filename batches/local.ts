// Answers a batch on this machine, by what answers it in AWS. What there is so far lies in a folder beside the file until
// all is answered, so that a run that was ended goes on where it was.
import { createHash, randomInt, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { answerChunk } from '../functions/batch/chunk.ts';
import { joinBatch } from '../functions/batch-files/join.ts';
import { splitBatch } from '../functions/batch-files/split.ts';
import { type BatchChunk, toBatchKeys } from '../functions/shared/batch/batch-objects.ts';
import { loadService } from '../functions/shared/load-service.ts';
import type { Environment } from '../functions/shared/platform/environment.ts';
import type { Service } from '../functions/shared/routes/service.ts';
import type { Progress } from '../terminal/pace.ts';
import { DirectoryStore } from './directory-store.ts';
import { BatchError } from './failure.ts';

export interface LocalOptions {
  /** Where results go. Default: beside the file. */
  readonly to?: string;
  /** Requests that are answered at once. */
  readonly slots: number;
  /** As the functions' own: MODEL_DIR, THREADS, CONTEXT_SIZE and the rest. */
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** In lines. */
  readonly onProgress: (progress: Progress) => void;
  /** Makes what answers. Default: loads the model that `env` names. */
  readonly load?: (env: Environment) => Promise<Service>;
}

export interface LocalResults {
  readonly output: { readonly path: string; readonly lines: number };
  readonly errors: { readonly path: string; readonly lines: number };
}

/** Results are kept together by so many. */
const linesPerChunk = 500;

/**
 * Answers a file of requests into `NAME.output.jsonl` and `NAME.errors.jsonl`.
 *
 * @throws {BatchError} when there is no such file, or no line in it
 * @throws the signal's reason when aborted; called again, it goes on
 */
export async function answerFile(file: string, options: LocalOptions): Promise<LocalResults> {
  const { signal, onProgress, slots, load = loadService, to = dirname(file) } = options;
  if (!(await stat(file).catch(() => undefined))?.isFile()) throw new BatchError(`There is no file ${file}.`);
  const name = basename(file, extname(file));
  const store = new DirectoryStore(join(to, `${name}.batch`));
  // A file that has changed is another batch.
  const id = (await digest(file)).slice(0, 16);
  const keys = toBatchKeys(id);
  await mkdir(dirname(store.path(keys.input)), { recursive: true });
  await rm(store.path(keys.input), { force: true });
  await symlink(resolve(file), store.path(keys.input));

  const { lines } = await splitBatch(id, linesPerChunk, store);
  const chunks = JSON.parse(Buffer.from(await store.read(keys.chunks)).toString()) as BatchChunk[];
  const service = await load({ ...options.env, SLOTS: String(slots) });
  try {
    for (const chunk of chunks) {
      await answerChunk({ batch: id, chunk }, store, service, {
        remainingMs: () => Number.POSITIVE_INFINITY,
        toInvocation: () => ({
          requestId: randomUUID(),
          receivedAt: new Date(),
          seed: randomInt(2 ** 32),
          coldStart: false,
          uptimeSeconds: process.uptime(),
          signal,
        }),
        log: console.error,
        signal,
        onKept: (kept) => onProgress({ done: chunk.first + kept, total: lines }),
      });
    }
  } finally {
    await service.engine[Symbol.asyncDispose]();
  }
  const { answered, failed } = await joinBatch(id, lines, store);
  const output = join(to, `${name}.output.jsonl`);
  const errors = join(to, `${name}.errors.jsonl`);
  await rename(store.path(keys.output), output);
  await rename(store.path(keys.errors), errors);
  await rm(store.root, { recursive: true });
  return { output: { path: output, lines: answered }, errors: { path: errors, lines: failed } };
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
