// Generations that end because their time is up, on the real model.
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

describe('a generation whose time is up', () => {
  it('ends before it, with the text so far, and leaves nothing to the next', async () => {
    // It learns how long a token takes.
    const whole = await generateOn(engine, prompt, { maxTokens: 16 });
    const endBy = performance.now() + 4 * (whole.promptMs + whole.completionMs);
    const cut = await generateOn(engine, prompt, { maxTokens: 900, endBy });

    expect(cut).toMatchObject({ finishReason: 'length', deadline: true });
    expect(cut.text.length).toBeGreaterThan(0);
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
    expect(waiting.waitMs).toBeGreaterThan(1);
    expect((await running).completionTokens).toBe(60);
  });

  it('tells how long it waited for a slot', async () => {
    const running = generateOn(engine, prompt, { maxTokens: 16, sampling: { ignoreEndOfGeneration: true } });
    const waiting = await generateOn(engine, prompt, { maxTokens: 1 });
    const { waitMs, promptMs, completionMs } = await running;

    expect(waitMs).toBeLessThan(completionMs);
    expect(waiting.waitMs).toBeGreaterThanOrEqual(completionMs);
    expect(waiting.waitMs).toBeLessThan(2 * (promptMs + completionMs) + 50);
  });

  it('may count from its first token', async () => {
    const cut = await generateOn(engine, prompt, { maxTokens: 900, maxPredictMs: 50 });

    expect(cut).toMatchObject({ finishReason: 'length', deadline: false });
    expect(cut.completionTokens).toBeLessThan(900);
    expect(cut.completionMs).toBeGreaterThanOrEqual(50);
  });
});
