// Compiles the grammars of requests. A small one takes a few milliseconds and is compiled at once, so that a cold start waits for
// no second thread. One that takes longer goes to a worker thread: meanwhile this thread answers others.
import { createHash } from 'node:crypto';
import type { Grammar } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { TimeLimitError, withinClockTime } from '../../json-schema/time-limit.ts';
import { compileJob, type GrammarJob } from './grammar-job.ts';

/**
 * How long this thread works on a grammar, in milliseconds, by the characters of its JSON. A small schema takes 5 ms, and a
 * busy machine must not send it to a second thread; a long one takes its time anyway.
 */
const inlineLimits = [
  { characters: 4096, ms: 250 },
  { characters: 32_768, ms: 60 },
];

/** The grammar of an answer is text that is changed: a megabyte in a tenth of a second. */
const lengthOfAnswer = 0.125;

/** How many grammars of the worker are remembered, and how long each may be. */
const mostRemembered = 16;
const longestRemembered = 2 << 20;

/** By the hashes of their jobs, in the order of their use. */
const remembered = new Map<string, Grammar | undefined>();

/**
 * Compiles a grammar. Returns `undefined` when nothing constrains the text, or no grammar can.
 *
 * @throws {RequestError} `unsupported_schema` or `invalid_value` when it cannot be compiled, or takes longer than its limit
 */
export async function compileGrammar(job: GrammarJob): Promise<Grammar | undefined> {
  const text = toText(job);
  const key = createHash('sha256').update(text).digest('base64');
  if (remembered.has(key)) return remember(key, remembered.get(key));
  const length = text.length * (job.kind === 'answer' ? lengthOfAnswer : 1);
  const limit = inlineLimits.find(({ characters }) => length <= characters);
  if (limit !== undefined) {
    try {
      return withinClockTime(limit.ms, () => compileJob(job));
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
    }
  }
  const { compileOnWorker } = await import('./worker-queue.ts');
  return remember(key, await compileOnWorker(text, job.param));
}

function toText(job: GrammarJob): string {
  try {
    return JSON.stringify(job);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `The schema in '${job.param}' is nested too deeply. Reduce its depth.`;
    throw new RequestError('unsupported_schema', message, { param: job.param });
  }
}

function remember(key: string, grammar: Grammar | undefined): Grammar | undefined {
  remembered.delete(key);
  if (grammar !== undefined && grammar.gbnf.length > longestRemembered) return grammar;
  remembered.set(key, grammar);
  const [oldest] = remembered.keys();
  if (remembered.size > mostRemembered && oldest !== undefined) remembered.delete(oldest);
  return grammar;
}
