// The server that is attacked, the counts of a run, and the faults found.

import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { type FrontProcess, startFrontProcess } from '../model/front-process.ts';
import type { Case } from './mutations.ts';

/** One kind of harm, with what has to hold meanwhile and afterwards. */
export interface Attack {
  readonly name: string;
  /** The share of the run's minutes. An attack without one takes as long as its work does. */
  readonly share?: number;
  /** The short form leaves it out. */
  readonly isLong?: boolean;
  /** @param endAt when the share is used up, in milliseconds of `performance.now()` */
  readonly run: (target: Target, endAt: number) => Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An answer that takes longer is a hang, in milliseconds. */
const longestAnswer = 60_000;

const reference = {
  prompt: 'The capital of France is',
  max_tokens: 8,
  temperature: 0,
  cache_prompt: 'exact',
};

/** What attacks need no other setting for. */
const environment = { SLOTS: '2', FUNCTION_TIMEOUT: '30', CONTEXT_SIZE: '1024' };

export class Target {
  readonly seed: number;
  readonly isShort: boolean;
  readonly counts = new Map<string, number>();
  readonly faults: string[] = [];
  #front: FrontProcess | undefined;
  #expected = '';

  constructor({ seed, isShort }: { seed: number; isShort: boolean }) {
    this.seed = seed;
    this.isShort = isShort;
  }

  get front(): FrontProcess {
    if (this.#front === undefined) throw new Error('The server is not started.');
    return this.#front;
  }

  get origin(): string {
    return originOf(this.front);
  }

  /** Starts the server that most attacks share. Its first greedy text is the right one. */
  async start(): Promise<void> {
    this.#front = await startFrontProcess(environment);
    this.#expected = await readReference(this.origin);
  }

  /** Ends the shared server as an operator does. */
  async end(): Promise<void> {
    const { code, survivors } = await this.front.end('SIGTERM');
    if (code !== 0 || survivors.length > 0)
      this.fault(`exit code ${code} at the end, and ${survivors.length} processes were left`);
  }

  /** Starts a server for one attack. */
  startAnother(env: NodeJS.ProcessEnv, options: { through?: readonly string[] } = {}): Promise<FrontProcess> {
    return startFrontProcess({ ...environment, ...env }, 'completion', options);
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  fault(text: string): void {
    this.faults.push(text.slice(0, 500));
  }

  /** Says aloud what could not be done here. */
  skip(name: string, reason: string): void {
    console.log(`torture: NOT RUN: ${name}: ${reason}`);
  }

  /** Numbers from `min` to `max`, the same ones for the same seed. */
  draw(count: number, min: number, max: number): number[] {
    return fc.sample(fc.integer({ min, max }), { seed: this.seed, numRuns: count });
  }

  /** A request, or a fault where no answer comes. */
  async ask(each: Case, options: PostOptions = {}): Promise<Answer | undefined> {
    try {
      const response = await post(options.origin ?? this.origin, each, options);
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      this.fault(`no answer to ${each.path} ${JSON.stringify(each.body).slice(0, 300)}: ${String(error)}`);
      return undefined;
    }
  }

  /** A status from 500 on is a fault, unless the model's text or the time is said to be the reason. */
  judge(each: Case, { status, text }: Answer): void {
    if (status >= 500 && !/invalid_output|deadline_exceeded/.test(text))
      this.fault(
        `${status} to ${each.path} ${JSON.stringify(each.body).slice(0, 300)}: ${text.slice(0, 150)}`,
      );
  }

  /** Asserts that a server answers as a fresh one does, and that it has no generation left. */
  async checkReference(after: string, front = this.front): Promise<void> {
    const origin = originOf(front);
    const text = await readReference(origin).catch(String);
    if (text !== this.#expected) this.fault(`wrong answer after ${after}: ${JSON.stringify(text)}`);
    await this.checkIdle(after, front);
  }

  /** Asserts that the emulator answers as well. */
  async checkInvocation(after: string, { url } = this.front): Promise<void> {
    const answer = await this.ask({ path: url, body: reference });
    if (answer !== undefined && !answer.text.includes(JSON.stringify(this.#expected)))
      this.fault(`wrong answer of an invocation after ${after}: ${answer.status} ${answer.text}`);
  }

  /** Waits until a server generates. */
  async waitUntilBusy(front: FrontProcess): Promise<void> {
    for (const endAt = performance.now() + longestAnswer; performance.now() < endAt; await delay(20))
      if (await isBusy(front)) return;
    throw new Error('The server did not begin to generate.');
  }

  /** Asserts that no slot is taken any longer. */
  async checkIdle(after: string, front = this.front, seconds = 5): Promise<void> {
    for (const endAt = performance.now() + 1000 * seconds; performance.now() < endAt; await delay(100))
      if (!(await isBusy(front))) return;
    this.fault(`a slot is still taken ${seconds} seconds after ${after}`);
  }
}

export interface PostOptions {
  readonly origin?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Record<string, string>;
}

export function originOf(front: FrontProcess): string {
  return new URL(front.url).origin;
}

export function post(
  origin: string,
  { path, body }: Case,
  { signal, headers }: PostOptions = {},
): Promise<Response> {
  const limit = AbortSignal.timeout(longestAnswer);
  return fetch(path.startsWith('http') ? path : `${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body instanceof Uint8Array ? body : JSON.stringify(body),
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  });
}

async function isBusy(front: FrontProcess): Promise<boolean> {
  const slots = (await (await fetch(`${originOf(front)}/slots`)).json()) as { is_processing: boolean }[];
  return slots.some(({ is_processing }) => is_processing);
}

async function readReference(origin: string): Promise<string> {
  const response = await post(origin, { path: '/v1/completions', body: reference });
  const answer = (await response.json()) as { choices?: { text: string }[] };
  return answer.choices?.[0]?.text ?? `status ${response.status}`;
}
