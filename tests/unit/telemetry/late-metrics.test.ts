import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLateMetrics } from '../../../src/telemetry/late-metrics.ts';
import { createMetrics } from '../../../src/telemetry/server-metrics.ts';

function setUp({ failures = 0 } = {}) {
  let loads = 0;
  const metrics = createLateMetrics(async () => {
    loads += 1;
    if (loads <= failures) throw new Error('no library');
    return createMetrics({ load: { running: 0, waiting: 0 } });
  });
  return { metrics, loads: () => loads };
}

describe('createLateMetrics', () => {
  it('loads the metrics once, at the first read, and counts the earlier events', async () => {
    const { metrics, loads } = setUp();
    metrics.answered('/health', 200);
    metrics.broken('/v1/completions');
    expect(loads()).toBe(0);

    await Promise.all([metrics.expose(), metrics.expose()]);
    metrics.answered('/health', 200);
    const { text } = await metrics.expose();

    expect(loads()).toBe(1);
    expect(text).toContain('gguf_lambda_requests_total{path="/health",status="200"} 2');
    expect(text).toContain('gguf_lambda_broken_streams_total{path="/v1/completions"} 1');
  });

  it('loads the metrics without a read after 1,000 events', async () => {
    const { metrics, loads } = setUp();
    for (let count = 0; count < 2_000; count += 1) metrics.answered('/health', 200);

    expect(loads()).toBe(1);
    expect((await metrics.expose()).text).toContain('requests_total{path="/health",status="200"} 2000');
  });

  it('loads the metrics again after a read that failed, and loses no event', async () => {
    const { metrics, loads } = setUp({ failures: 1 });
    metrics.answered('/health', 200);

    await expect(metrics.expose()).rejects.toThrow('no library');
    expect((await metrics.expose()).text).toContain('requests_total{path="/health",status="200"} 1');
    expect(loads()).toBe(2);
  });

  it('tries again after 1,000 more events when the metrics cannot be loaded, and keeps no more of them', async () => {
    const { metrics, loads } = setUp({ failures: 2 });
    for (let tried = 1; tried <= 3; tried += 1) {
      for (let count = 0; count < 1_000; count += 1) metrics.answered('/health', 200);
      await setImmediate();
      expect(loads()).toBe(tried);
    }

    expect((await metrics.expose()).text).toContain('requests_total{path="/health",status="200"} 1000');
  });
});
