import { describe, expect, it } from 'vitest';
import { readTelemetryConfig } from '../../../src/config/telemetry.ts';

describe('readTelemetryConfig', () => {
  it('leaves Powertools and prompts alone by default', () => {
    expect(readTelemetryConfig({ POWERTOOLS_METRICS_NAMESPACE: 'models' })).toEqual({
      powertools: undefined,
      logPrompts: false,
    });
  });

  it.each([
    [{ POWERTOOLS_SERVICE_NAME: 'llm' }, { namespace: 'gguf-lambda', traces: false }],
    [
      {
        POWERTOOLS_SERVICE_NAME: 'llm',
        POWERTOOLS_METRICS_NAMESPACE: 'models',
        POWERTOOLS_TRACE_ENABLED: 'true',
      },
      { namespace: 'models', traces: true },
    ],
  ])('uses Powertools for a service: %j', (env, powertools) => {
    expect(readTelemetryConfig(env).powertools).toEqual({ service: 'llm', ...powertools });
  });

  it.each([
    ['true', true],
    ['false', false],
    ['', false],
  ])('logs prompts with LOG_PROMPTS=%j: %j', (value, logPrompts) => {
    expect(readTelemetryConfig({ LOG_PROMPTS: value })).toMatchObject({ logPrompts });
  });

  it.each(['yes', '1', 'TRUE'])('refuses %j by name', (value) => {
    expect(() => readTelemetryConfig({ LOG_PROMPTS: value })).toThrow(
      `LOG_PROMPTS="${value}" cannot be used: expected false or true.`,
    );
    expect(() => readTelemetryConfig({ POWERTOOLS_TRACE_ENABLED: value })).toThrow(
      `POWERTOOLS_TRACE_ENABLED="${value}" cannot be used: expected false or true.`,
    );
  });
});
