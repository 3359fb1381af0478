import { describe, expect, it } from 'vitest';
import type { GenerationSummary } from '../../../src/engine/engine.ts';
import type { Report } from '../../../src/telemetry/report.ts';
import { toLoggedPath, toRequestLine } from '../../../src/telemetry/request-line.ts';

const generation = { promptTokens: 6, cachedTokens: 20, completionTokens: 48 } as GenerationSummary;

const report: Report = {
  id: 'id',
  coldStart: false,
  request: { method: 'POST', path: '/v1/chat/completions' },
  modelLoadMs: undefined,
  answers: [{ path: '/v1/chat/completions', status: 200 }],
  brokenStreams: 0,
  failure: undefined,
  generations: [generation],
  durationMs: 1234.4,
  abandoned: false,
};

describe('toRequestLine', () => {
  it.each([
    ['a chat', {}, 'POST /v1/chat/completions 200, 26 prompt tokens (20 cached), 48 generated, 1234 ms'],
    [
      'several choices',
      { generations: [generation, { ...generation, cachedTokens: 0 }] },
      'POST /v1/chat/completions 200, 32 prompt tokens (20 cached), 96 generated, 1234 ms',
    ],
    [
      'a refusal',
      { generations: [], answers: [{ path: '/v1/chat/completions', status: 400 }] },
      'POST /v1/chat/completions 400, 1234 ms',
    ],
    ['a client that left', { generations: [], abandoned: true }, 'POST /v1/chat/completions 499, 1234 ms'],
    [
      'an invocation',
      { request: undefined, answers: [{ path: 'direct', status: 200 }] },
      'invoke direct 200, 26 prompt tokens (20 cached), 48 generated, 1234 ms',
    ],
    ['a warm-up', { answers: [] }, undefined],
    ['a monitor', { answers: [{ path: '/health', status: 200 }], generations: [] }, undefined],
  ])('tells %s', (_, changes, line) => {
    expect(toRequestLine({ ...report, ...changes })).toBe(line);
  });
});

describe('toLoggedPath', () => {
  it('drops the query, which may hold a secret, and keeps to one line', () => {
    expect(toLoggedPath('/v1/models?key=secret')).toBe('/v1/models');
    expect(toLoggedPath('/a\nb\x1b[31m')).toBe('/a?b?[31m');
    expect(toLoggedPath('/'.repeat(5000))).toHaveLength(200);
  });
});
