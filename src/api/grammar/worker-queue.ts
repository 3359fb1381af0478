// Grammars that take long, compiled one after the other on a worker thread. A thread that exceeds its limits is ended, so no
// schema holds up the thread that answers.
import { once } from 'node:events';
import { setInterval } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Grammar } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { WorkerAnswer } from './grammar-worker.ts';

/** The most processor time for a grammar, in milliseconds. A busy machine must not refuse what an idle one takes. */
const mostProcessorTime = 5000;

/** The longest wait for a grammar, in milliseconds, should its thread not tell its processor time. */
const longestWait = 60_000;

/** How often the processor time is read, in milliseconds. */
const readingInterval = 100;

/** The memory of the worker's heap, in MiB. */
const mostMemory = 256;

/** How many grammars may wait. */
const mostWaiting = 64;

// The bundle has both files in one folder.
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './grammar-worker.ts' : './grammar-worker.mjs',
  import.meta.url,
);

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/**
 * Compiles a job, given as JSON.
 *
 * @throws {RequestError} `unsupported_schema` or `invalid_value` when it cannot be compiled or exceeds a limit, `server_busy`
 *   when too many wait
 */
export async function compileOnWorker(job: string, param: string): Promise<Grammar | undefined> {
  if (waiting >= mostWaiting)
    throw new RequestError('server_busy', `${waiting} grammars wait to be compiled. Try again later.`, {
      headers: { 'retry-after': '1' },
    });
  waiting++;
  const compiling = last.then(() => compile(job, param));
  last = compiling.then(
    () => waiting--,
    () => waiting--,
  );
  return compiling;
}

async function compile(job: string, param: string): Promise<Grammar | undefined> {
  const worker = new Worker(workerUrl, {
    workerData: job,
    // Without the module that this process imports first, which would load the model.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: mostMemory },
  });
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(longestWait)]);
  try {
    const answering = once(worker, 'message', { signal });
    const [answer] = (await Promise.race([answering, refuseOvertime(worker, signal)])) as [WorkerAnswer];
    if ('grammar' in answer) return answer.grammar;
    throw new RequestError(answer.error.code, answer.error.message, { param: answer.error.param });
  } catch (error) {
    throw toLimitError(error, param);
  } finally {
    ended.abort();
    await worker.terminate();
  }
}

/** The thread has worked for too long. */
class OvertimeError extends Error {
  override readonly name = 'OvertimeError';
}

/**
 * Never resolves.
 *
 * @throws {OvertimeError} when the thread has worked for too long
 * @throws the reason of the signal when that ends the watch
 */
async function refuseOvertime(worker: Worker, signal: AbortSignal): Promise<never> {
  for await (const _ of setInterval(readingInterval, undefined, { signal })) {
    // A thread that has not started, or has ended, has no time.
    const { user, system } = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
    if ((user + system) / 1000 > mostProcessorTime) break;
  }
  throw new OvertimeError();
}

function toLimitError(error: unknown, param: string): unknown {
  const { name, code } = error as NodeJS.ErrnoException;
  const limit =
    error instanceof OvertimeError || name === 'AbortError'
      ? `takes longer than ${mostProcessorTime / 1000} seconds`
      : code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `takes more than ${mostMemory} MiB of memory`
        : undefined;
  if (limit === undefined) return error;
  return new RequestError('invalid_value', `The grammar of '${param}' ${limit} to compile. Simplify it.`, {
    param,
  });
}
