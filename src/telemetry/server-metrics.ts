// The metrics of a server on a port, for Prometheus: counts and durations, no prompts and no generated texts.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';
import { type Metrics, toTokensPerSecond } from './metrics.ts';

/** In seconds: from a cached prompt to a long prompt on a slow machine. */
const firstTokenBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const rateBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** Creates the metrics of this process. */
export function createMetrics(engine: Pick<Engine, 'load'>): Required<Metrics> {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `gguf_lambda_${name}`, help, registers });
  const prompt = counter('prompt_tokens_total', 'Prompt tokens evaluated.');
  const cached = counter('cached_tokens_total', 'Prompt tokens taken from the cache.');
  const completion = counter('completion_tokens_total', 'Tokens generated.');
  const deadlines = counter('deadlines_total', 'Generations ended by their deadline.');
  const requests = new Counter({
    name: 'gguf_lambda_requests_total',
    help: 'Requests answered, by path and status.',
    labelNames: ['path', 'status'],
    registers,
  });
  const broken = new Counter({
    name: 'gguf_lambda_broken_streams_total',
    help: 'Streams that failed after they had started, by path.',
    labelNames: ['path'],
    registers,
  });
  const firstToken = new Histogram({
    name: 'gguf_lambda_first_token_seconds',
    help: 'Time from the start of a generation to its first token, without the wait for a slot.',
    buckets: firstTokenBuckets,
    registers,
  });
  const rate = new Histogram({
    name: 'gguf_lambda_tokens_per_second',
    help: 'Tokens generated per second, by generation.',
    buckets: rateBuckets,
    registers,
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `gguf_lambda_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('generations_running', 'Generations running now.', () => engine.load.running);
  gauge('generations_waiting', 'Generations waiting for a slot now.', () => engine.load.waiting);

  return {
    generated: (summary) => {
      const { promptTokens, cachedTokens, completionTokens, promptMs, deadline } = summary;
      const tokensPerSecond = toTokensPerSecond(summary);
      prompt.inc(promptTokens);
      cached.inc(cachedTokens);
      completion.inc(completionTokens);
      if (deadline) deadlines.inc();
      if (completionTokens > 0) firstToken.observe(promptMs / 1000);
      if (tokensPerSecond !== undefined) rate.observe(tokensPerSecond);
    },
    answered: (path, status) => requests.inc({ path, status }),
    broken: (path) => broken.inc({ path }),
    expose: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
