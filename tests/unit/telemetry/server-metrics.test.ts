import { describe, expect, it } from 'vitest';
import type { GenerationSummary } from '../../../src/engine/engine.ts';
import { createMetrics } from '../../../src/telemetry/server-metrics.ts';

const summary: GenerationSummary = {
  finishReason: 'stop',
  stopped: false,
  deadline: false,
  waitMs: 5,
  unevaluatedTokens: 0,
  cachedTokens: 32,
  promptTokens: 8,
  promptMs: 40,
  completionTokens: 5,
  completionMs: 100,
};

async function lines(summaries: readonly GenerationSummary[], load = { running: 0, waiting: 0 }) {
  const metrics = await createMetrics({ load });
  for (const each of summaries) metrics.generated(each);
  const { text, contentType } = await metrics.expose();
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  return text.split('\n');
}

describe('createMetrics', () => {
  it('sums up the costs of generations', async () => {
    const text = await lines([summary, { ...summary, deadline: true }]);

    expect(text).toEqual(
      expect.arrayContaining([
        '# TYPE gguf_lambda_prompt_tokens_total counter',
        'gguf_lambda_prompt_tokens_total 16',
        'gguf_lambda_cached_tokens_total 64',
        'gguf_lambda_completion_tokens_total 10',
        'gguf_lambda_deadlines_total 1',
        'gguf_lambda_first_token_seconds_bucket{le="0.025"} 0',
        'gguf_lambda_first_token_seconds_bucket{le="0.05"} 2',
        'gguf_lambda_first_token_seconds_sum 0.08',
        'gguf_lambda_tokens_per_second_bucket{le="20"} 0',
        'gguf_lambda_tokens_per_second_bucket{le="50"} 2',
        'gguf_lambda_tokens_per_second_sum 80',
      ]),
    );
  });

  it('reads the current load of the engine', async () => {
    expect(await lines([], { running: 2, waiting: 5 })).toEqual(
      expect.arrayContaining(['gguf_lambda_generations_running 2', 'gguf_lambda_generations_waiting 5']),
    );
  });

  it.each([
    ['no token', { completionTokens: 0, completionMs: 0 }, 0, 0],
    ['one token', { completionTokens: 1, completionMs: 0 }, 1, 0],
    ['two tokens in no time', { completionTokens: 2, completionMs: 0 }, 1, 0],
  ])('observes no rate for %s', async (_, fields, firstTokens, rates) => {
    expect(await lines([{ ...summary, ...fields }])).toEqual(
      expect.arrayContaining([
        `gguf_lambda_first_token_seconds_count ${firstTokens}`,
        `gguf_lambda_tokens_per_second_count ${rates}`,
      ]),
    );
  });

  it('counts each server apart', async () => {
    await lines([summary]);

    expect(await lines([])).toContain('gguf_lambda_prompt_tokens_total 0');
  });
});
