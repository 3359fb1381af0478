import { describe, expect, it } from 'vitest';
import { toUsage } from '../../../src/api/usage.ts';
import type { GenerationSummary } from '../../../src/engine/engine.ts';
import { toTimings } from '../../../src/telemetry/timings.ts';

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

describe('toUsage', () => {
  it('counts each prompt once, and every generation', () => {
    const second = { ...summary, cachedTokens: 39, promptTokens: 1, completionTokens: 2 };

    expect(toUsage([[summary, second], [summary]])).toEqual({
      prompt_tokens: 80,
      completion_tokens: 12,
      total_tokens: 92,
      prompt_tokens_details: { cached_tokens: 64 },
    });
  });

  it('includes the tokens of thoughts for a model that thinks, even 0', () => {
    expect(toUsage([[summary]], 0).completion_tokens_details).toEqual({ reasoning_tokens: 0 });
    expect(toUsage([[summary]])).not.toHaveProperty('completion_tokens_details');
  });

  it('is 0 without generations', () => {
    expect(toUsage([])).toMatchObject({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
  });
});

describe('toTimings', () => {
  it('sums up generations, and excludes the first token from the rates', () => {
    expect(toTimings([summary, { ...summary, completionTokens: 1, completionMs: 0 }])).toEqual({
      cache_n: 64,
      prompt_n: 16,
      prompt_ms: 80,
      prompt_per_token_ms: 5,
      prompt_per_second: 200,
      predicted_n: 6,
      predicted_ms: 100,
      predicted_per_token_ms: 25,
      predicted_per_second: 40,
    });
  });

  it('returns no infinite rate', () => {
    const timings = toTimings([
      { ...summary, promptMs: 0, promptTokens: 0, completionTokens: 0, completionMs: 0 },
    ]);

    expect(JSON.stringify(timings)).not.toContain('null');
    expect(timings.predicted_per_second).toBe(0);
  });

  it('reports that a deadline ended a generation', () => {
    expect(toTimings([summary, { ...summary, deadline: true }]).deadline).toBe(true);
    expect(toTimings([summary])).not.toHaveProperty('deadline');
  });
});
