// Asks for /health all the time, on a thread of its own, so that the attacks do not hold up the questions.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Milliseconds of all answers. */
export interface HealthTimes {
  readonly answers: number;
  /** Why some got no answer. */
  readonly failures: readonly string[];
  readonly p99: number;
  readonly longest: number;
}

interface Measured {
  readonly times: number[];
  readonly failures: string[];
}

const pauseMs = 20;

/** Watches until the returned function is called, which gives what was measured. */
export function watchHealth(origin: string): () => Promise<HealthTimes> {
  const worker = new Worker(new URL(import.meta.url), { workerData: `${origin}/health` });
  return async () => {
    const measured = once(worker, 'message');
    worker.postMessage('end');
    const [{ times, failures }] = (await measured) as [Measured];
    times.sort((one, other) => one - other);
    return {
      answers: times.length,
      failures,
      p99: times[Math.floor(0.99 * times.length)] ?? 0,
      longest: times.at(-1) ?? 0,
    };
  };
}

async function watch(url: string): Promise<void> {
  const times: number[] = [];
  const failures: string[] = [];
  // The first one loads what Node fetches with.
  await (await fetch(url)).arrayBuffer();
  let isWatching = true;
  parentPort?.once('message', () => {
    isWatching = false;
  });
  while (isWatching) {
    const askedAt = performance.now();
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      times.push(performance.now() - askedAt);
    } catch (error) {
      failures.push(String(error));
    }
    await delay(pauseMs);
  }
  parentPort?.postMessage({ times, failures } satisfies Measured);
}

if (!isMainThread) await watch(workerData as string);
