// Generations that end because their time is up, on the real model.
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { generateOn, loadEngine } from './generation.ts';

const prompt = 'The capital of France is';

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Lets a millisecond pass with each look at the clock, and none otherwise. */
function countLooks(): void {
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => ++now);
}

describe('a generation whose time is up', () => {
  it('ends before it, with the text so far, and leaves nothing to the next', async () => {
    const whole = await generateOn(engine, prompt, { maxTokens: 16 });
    countLooks();
    const sampling = { ignoreEndOfGeneration: true };
    const endBy = performance.now() + 300;
    const cut = await generateOn(engine, prompt, { maxTokens: 900, sampling, endBy });
    vi.restoreAllMocks();

    expect(cut).toMatchObject({ finishReason: 'length', deadline: true });
    expect(cut.text.length).toBeGreaterThan(0);
    expect(cut.promptMs + cut.completionMs).toBeLessThan(300);
    expect(await generateOn(engine, prompt, { maxTokens: 16 })).toMatchObject({
      text: whole.text,
      deadline: false,
    });
  });

  it('ends within the prompt when that takes too long', async () => {
    const longPrompt = 'word '.repeat(900);
    await generateOn(engine, longPrompt, { maxTokens: 1 });
    const endBy = performance.now() + 1;
    const cut = await generateOn(engine, longPrompt, { maxTokens: 8, endBy, cachePrompt: false });

    expect(cut).toMatchObject({ text: '', finishReason: 'length', deadline: true, completionTokens: 0 });
    expect((await generateOn(engine, prompt, { maxTokens: 1 })).text).toBe(' Paris');
  });

  it('ends while it waits for a slot', async () => {
    const running = generateOn(engine, prompt, { maxTokens: 60, sampling: { ignoreEndOfGeneration: true } });
    const waiting = await generateOn(engine, prompt, { endBy: performance.now() + 5 });

    expect(waiting).toMatchObject({ text: '', finishReason: 'length', deadline: true });
    expect(waiting.waitMs).toBeGreaterThan(0);
    expect((await running).completionTokens).toBe(60);
  });

  it('tells how long it waited for a slot', async () => {
    const askedAt = performance.now();
    const running = generateOn(engine, prompt, { maxTokens: 16, sampling: { ignoreEndOfGeneration: true } });
    const waiting = await generateOn(engine, prompt, { maxTokens: 1 });
    const tookMs = performance.now() - askedAt;
    const { waitMs, completionMs } = await running;

    expect(waitMs).toBeLessThan(completionMs);
    expect(waiting.waitMs).toBeGreaterThanOrEqual(completionMs);
    expect(waiting.waitMs + waiting.promptMs).toBeLessThan(tookMs);
  });

  it('may count from its first token', async () => {
    countLooks();
    const sampling = { ignoreEndOfGeneration: true };
    const cut = await generateOn(engine, prompt, { maxTokens: 900, sampling, maxPredictMs: 100 });

    expect(cut).toMatchObject({ finishReason: 'length', deadline: false });
    expect(cut.completionTokens).toBeLessThan(900);
    expect(cut.completionMs).toBeGreaterThan(80);
    expect(cut.completionMs).toBeLessThan(120);
  });
});
