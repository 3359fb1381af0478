// GET /health on port 8000. The runtime answers it, and the front does where the runtime is late: what it does may take a moment
// of its thread, and a load balancer would take that for an end.
import { type IncomingMessage, request as openRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { endToEndHeaders, type HttpAnswer } from './http-answer.ts';
import { readWhole } from './read-whole.ts';
import type { Runtime, RuntimeLink } from './runtime-link.ts';

export const healthPath = '/health';

/** A runtime that has not answered for so long is no longer said to be well, in milliseconds. */
const longestSilenceMs = 30_000;

interface Silence {
  readonly runtime: Runtime;
  /** When the first question was asked that has no answer. */
  readonly since: number;
  /** Settles with the last question. */
  readonly question: Promise<unknown>;
}

export class HealthCheck {
  readonly #link: Pick<RuntimeLink, 'runtime' | 'next'>;
  readonly #now: () => number;
  readonly #patienceMs: number;
  /** Only an answer ends it: a question may also fail because the runtime hangs. */
  #silence: Silence | undefined;

  /**
   * @param now - returns milliseconds
   * @param patienceMs - how long the runtime has to answer, in milliseconds
   */
  constructor(link: Pick<RuntimeLink, 'runtime' | 'next'>, now: () => number, patienceMs = 50) {
    this.#link = link;
    this.#now = now;
    this.#patienceMs = patienceMs;
  }

  /** Whether the runtime was asked and has not answered. */
  get isWaiting(): boolean {
    return this.#silenceOf(this.#link.runtime) !== undefined;
  }

  /** Answers within a tenth of a second, also while there is no runtime. */
  async answer({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): Promise<HttpAnswer> {
    const leaving = new AbortController();
    const late = delay(this.#patienceMs, undefined, { signal: leaving.signal });
    const asked = this.#ask({ url, headers }, leaving.signal);
    asked.catch(() => {});
    try {
      const answer = await Promise.race([asked, late]);
      if (answer !== undefined) return answer;
    } catch {
      // It has ended, and another one is being started.
    } finally {
      leaving.abort();
      late.catch(() => {});
    }
    const { runtime } = this.#link;
    if (runtime === undefined) return toAnswer(503, { status: 'loading', model_loaded: false });
    const now = this.#now();
    const silentMs = now - (this.#silenceOf(runtime)?.since ?? now);
    return silentMs < longestSilenceMs
      ? toAnswer(200, { status: 'ok', model_loaded: true, busy: true })
      : toAnswer(503, { status: 'unresponsive', model_loaded: true, busy: true });
  }

  /** Returns undefined when it is too late to ask. */
  async #ask(
    { url, headers }: Pick<IncomingMessage, 'url' | 'headers'>,
    tooLate: AbortSignal,
  ): Promise<HttpAnswer | undefined> {
    const runtime = this.#link.runtime ?? (await this.#link.next());
    // A runtime that hangs keeps a connection for each question.
    await this.#silenceOf(runtime)?.question;
    if (tooLate.aborted) return undefined;
    const asked = get(runtime, url ?? healthPath, headers);
    const since = this.#silenceOf(runtime)?.since ?? this.#now();
    this.#silence = { runtime, since, question: asked.catch(() => {}) };
    const answer = await asked;
    if (this.#silenceOf(runtime)) this.#silence = undefined;
    return answer;
  }

  #silenceOf(runtime: Runtime | undefined): Silence | undefined {
    return this.#silence?.runtime === runtime ? this.#silence : undefined;
  }
}

async function get(
  { socket: socketPath, agent }: Runtime,
  path: string,
  headers: IncomingMessage['headers'],
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = openRequest({ socketPath, agent, path, headers: endToEndHeaders(headers) });
  outgoing.once('response', resolve);
  outgoing.once('error', reject);
  outgoing.end();
  const incoming = await promise;
  return {
    status: incoming.statusCode ?? 502,
    headers: endToEndHeaders(incoming.headers),
    body: await readWhole(incoming),
  };
}

function toAnswer(status: number, body: object): HttpAnswer {
  const headers = { 'content-type': 'application/json', ...(status === 503 && { 'retry-after': '1' }) };
  return { status, headers, body: Buffer.from(`${JSON.stringify(body)}\n`) };
}
