// Asks for /health all the time, on a thread of its own, so that the attacks do not hold up the questions.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Milliseconds of all answers. */
export interface HealthTimes {
  readonly answers: number;
  readonly p99: number;
  readonly longest: number;
}

const pauseMs = 20;

/** Watches until the returned function is called, which gives what was measured. */
export function watchHealth(origin: string): () => Promise<HealthTimes> {
  const worker = new Worker(new URL(import.meta.url), { workerData: `${origin}/health` });
  return async () => {
    const measured = once(worker, 'message');
    worker.postMessage('end');
    const [times] = (await measured) as [number[]];
    times.sort((one, other) => one - other);
    return {
      answers: times.length,
      p99: times[Math.floor(0.99 * times.length)] ?? 0,
      longest: times.at(-1) ?? 0,
    };
  };
}

async function watch(url: string): Promise<void> {
  const times: number[] = [];
  // The first one loads what Node fetches with.
  await (await fetch(url)).arrayBuffer();
  let isWatching = true;
  parentPort?.once('message', () => {
    isWatching = false;
  });
  while (isWatching) {
    const askedAt = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    times.push(performance.now() - askedAt);
    await delay(pauseMs);
  }
  parentPort?.postMessage(times);
}

if (!isMainThread) await watch(workerData as string);
