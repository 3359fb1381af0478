// A mixed load for as long as asked, with the memory, the descriptors and the latency at its begin and its end.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { FrontProcess } from '../../model/front-process.ts';
import { mutate } from '../mutations.ts';
import { type Attack, originOf, post, type Target } from '../target.ts';

const clients = 4;
const sampleMs = 5000;
/** A few long prompts touch all of it, so also on a busy machine no memory is used for the first time behind the begin. */
const environment = { CACHE_MB: '16', CONTEXT_SIZE: '1024' };
/**
 * Bodies that are sent before the begin. Until then memory grows without a leak: it stays with the C library when a request that
 * needed much has ended, and a later one that needs more finds too little of it.
 */
const warmUpBodies = 4000;
const probe = { prompt: 'The capital of France is', max_tokens: 8, temperature: 0 };
/** What the end of a soak may have more than its begin: of memory a quarter, of descriptors so many. */
const moreMemory = 1.25;
const moreDescriptors = 20;
/** The caches of a shorter soak are still being filled. */
const shortestJudged = 10;

interface Sample {
  readonly minutes: number;
  readonly bytes: number;
  readonly descriptors: number;
  /** Of the probes since the sample before. */
  readonly latencies: readonly number[];
}

export function soak(minutes: number): Attack {
  return { name: 'soak', run: (target) => run(target, minutes) };
}

async function run(target: Target, minutes: number): Promise<void> {
  const front = await target.startAnother(environment);
  await warmUp(target, originOf(front));
  const pids = [...front.runtimePids(), ...front.emulatorPids()].join();
  const startedAt = performance.now();
  const endAt = startedAt + 60_000 * minutes;
  const samples: Sample[] = [];
  let latencies: number[] = [];
  const measure = async () => {
    while (performance.now() < endAt) {
      const askedAt = performance.now();
      await target.ask({ path: '/v1/completions', body: probe }, { origin: originOf(front) });
      latencies.push(performance.now() - askedAt);
      await delay(100);
    }
  };
  const sample = async () => {
    while (performance.now() < endAt) {
      await delay(sampleMs);
      const now = (performance.now() - startedAt) / 60_000;
      samples.push({ minutes: now, ...measureProcesses(front), latencies });
      latencies = [];
    }
  };
  const load = Array.from({ length: clients }, (_, index) => work(target, { front, index, endAt }));
  await Promise.all([measure(), sample(), ...load]);
  await target.checkReference('a soak', front);
  if ([...front.runtimePids(), ...front.emulatorPids()].join() !== pids)
    target.fault('a process was replaced in a soak');
  await front.end('SIGTERM');
  report(target, samples);
}

async function warmUp(target: Target, origin: string): Promise<void> {
  const bodies = mutate(-1 - target.seed, warmUpBodies).values();
  const send = async () => {
    for (const each of bodies) {
      const answer = await target.ask(each, { origin });
      if (answer !== undefined) target.judge(each, answer);
    }
  };
  await Promise.all(Array.from({ length: clients }, send));
}

interface Worker {
  readonly front: FrontProcess;
  readonly index: number;
  readonly endAt: number;
}

/** Completions, streams that end and streams that are left, invocations, and mutated bodies. */
async function work(target: Target, { front, index, endAt }: Worker): Promise<void> {
  const origin = originOf(front);
  for (let round = 0; performance.now() < endAt; round++) {
    const body = { prompt: `Story ${index} of ${round}: once upon a time`, max_tokens: 30 };
    target.count('requests of a soak');
    switch (round % 5) {
      case 0:
        await target.ask({ path: '/v1/completions', body }, { origin });
        break;
      case 1:
        await target.ask({ path: '/v1/completions', body: { ...body, stream: true } }, { origin });
        break;
      case 2:
        await target.ask({ path: front.url, body }, { origin });
        break;
      case 3: {
        const response = await post(origin, { path: '/v1/completions', body: { ...body, stream: true } });
        await response.body?.cancel();
        break;
      }
      default:
        for (const each of mutate(target.seed + clients * round + index, 3)) {
          const answer = await target.ask(each, { origin });
          if (answer !== undefined) target.judge(each, answer);
        }
    }
  }
}

/** Private memory and open descriptors of the front and its children together. */
function measureProcesses(front: FrontProcess): { bytes: number; descriptors: number } {
  const all = front.pids().map((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const kibibytes = Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      return { bytes: 1024 * kibibytes, descriptors: readdirSync(`/proc/${pid}/fd`).length };
    } catch {
      return { bytes: 0, descriptors: 0 };
    }
  });
  const sum = (pick: (each: (typeof all)[number]) => number) =>
    all.reduce((total, each) => total + pick(each), 0);
  return { bytes: sum(({ bytes }) => bytes), descriptors: sum(({ descriptors }) => descriptors) };
}

/** Compares the second tenth, after everything was used once, with the last one. */
function report(target: Target, samples: readonly Sample[]): void {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const begin = summarise(samples.slice(tenth, 2 * tenth));
  const end = summarise(samples.slice(-tenth));
  const slope = slopeOf(samples.slice(samples.length >> 1));
  console.log(`torture: soak, begin: ${describe(begin)}`);
  console.log(`torture: soak, end:   ${describe(end)}; ${slope.toFixed(2)} MB a minute in its second half`);
  if (end.bytes > moreMemory * begin.bytes && end.minutes > shortestJudged)
    target.fault('a soak took more and more memory');
  if (end.descriptors > begin.descriptors + moreDescriptors) target.fault('a soak left descriptors open');
}

interface Summary {
  readonly minutes: number;
  readonly bytes: number;
  readonly descriptors: number;
  readonly p99: number;
}

function summarise(samples: readonly Sample[]): Summary {
  const mean = (pick: (each: Sample) => number) =>
    samples.reduce((total, each) => total + pick(each), 0) / Math.max(1, samples.length);
  const latencies = samples.flatMap((each) => each.latencies).sort((a, b) => a - b);
  return {
    minutes: mean(({ minutes }) => minutes),
    bytes: mean(({ bytes }) => bytes),
    descriptors: mean(({ descriptors }) => descriptors),
    p99: latencies[Math.floor(0.99 * latencies.length)] ?? 0,
  };
}

function describe({ bytes, descriptors, p99 }: Summary): string {
  return `${Math.round(bytes / 1e6)} MB, ${Math.round(descriptors)} descriptors, p99 ${Math.round(p99)} ms`;
}

/** The slope of the memory by least squares, in megabytes a minute. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: number[]) => values.reduce((total, each) => total + each, 0) / values.length;
  const minutes = mean(samples.map((each) => each.minutes));
  const bytes = mean(samples.map((each) => each.bytes));
  const products = samples.map((each) => (each.minutes - minutes) * (each.bytes - bytes));
  const squares = samples.map((each) => (each.minutes - minutes) ** 2);
  return mean(products) / mean(squares) / 1e6;
}
