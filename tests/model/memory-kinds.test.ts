// Reuse on models whose memory cannot go back, or slides a window over the text, on tiny models of random weights.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Token } from '../../src/engine/engine.ts';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { tinyGemma, tinyMamba } from './fixtures/tiny-generators.ts';
import { generateOn } from './generation.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-kinds-'));
afterAll(() => rmSync(folder, { recursive: true }));

const textOf = (length: number, seed: number): Token[] =>
  Array.from({ length }, (_, index) => 10 + ((index * 7 + seed * 31 + ((index * index) >> 2)) % 200));

describe.each([
  ['a recurrent model', tinyMamba],
  ['a model with a sliding window', tinyGemma],
])('%s', (name, make) => {
  let engine: LlamaEngine;
  const load = () =>
    loadLlamaEngine({
      modelPath: join(folder, `${name}.gguf`),
      contextSize: 1024,
      threads: 1,
      slots: 1,
      queueLimit: 4,
      conversationBytes: 50_000_000,
    });
  const ask = async (tokens: readonly Token[], cachePrompt = true) => {
    const generated = await generateOn(engine, tokens, { cachePrompt, maxTokens: 20 });
    return { ...generated, answer: generated.tokens.map(({ token }) => token) };
  };

  beforeAll(async () => {
    writeFileSync(join(folder, `${name}.gguf`), make());
    engine = await load();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it('goes on behind an answer', async () => {
    const first = await ask(textOf(100, 1));
    const prompt = [...textOf(100, 1), ...first.answer, ...textOf(30, 2)];
    const next = await ask(prompt);

    expect(next.cachedTokens).toBe(100 + first.completionTokens - 1);
    expect(next.text).toBe((await ask(prompt, false)).text);
  });

  it('goes on behind a prompt whose answer is rendered in another way', async () => {
    await ask(textOf(100, 3));
    const prompt = [...textOf(100, 3), ...textOf(40, 4)];
    const next = await ask(prompt);

    expect(next.cachedTokens).toBeGreaterThanOrEqual(92);
    expect(next.text).toBe((await ask(prompt, false)).text);
  });

  it('scores branches as each alone, and keeps their prompt', async () => {
    const prompt = textOf(90, 6);
    const branches = [7, 8, 9].map((seed) => ({
      tokens: textOf(20, seed),
      continuations: [textOf(3, seed + 10), textOf(1, seed + 20)],
    }));
    const { logprobs } = await engine.scoreBranches({ prompt, branches });

    const again = await engine.scoreBranches({ prompt, branches });
    expect(again.summary).toMatchObject({ cachedTokens: 90, promptTokens: 0 });
    for (const [index, branch] of branches.entries()) {
      const alone = await engine.scoreBranches({ prompt: textOf(90, 6), branches: [branch] });
      for (const [place, expected] of (alone.logprobs[0] ?? []).entries()) {
        expect(logprobs[index]?.[place]).toBeCloseTo(expected, 1);
        expect(again.logprobs[index]?.[place]).toBeCloseTo(expected, 1);
      }
    }
    expect((await ask([...prompt, 50])).text).toBe((await ask([...prompt, 50], false)).text);
  });

  it('goes on with a chat that lost its slot', async () => {
    const first = await ask(textOf(100, 5));
    await ask(textOf(100, 6));
    const prompt = [...textOf(100, 5), ...first.answer, ...textOf(30, 7)];
    const next = await ask(prompt);

    expect(next.cachedTokens).toBe(100 + first.completionTokens - 1);
    expect(next.text).toBe((await ask(prompt, false)).text);
  });
});
