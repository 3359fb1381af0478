// Models that slide a window over their text, whose layers have cells for little more than that: texts are those of a context
// that keeps all, whatever was reused, went back or was aborted. On a tiny Gemma 3 of random weights, with a window of 32 tokens.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Token } from '../../src/engine/engine.ts';
import {
  type LlamaEngine,
  type LlamaEngineOptions,
  loadLlamaEngine,
} from '../../src/engine/llama/llama-engine.ts';
import { type GgufFacts, readGgufFacts } from '../../src/model/gguf-facts.ts';
import { tinyGemma } from './fixtures/tiny-generators.ts';
import { generateOn, greedy } from './generation.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-window-'));
const modelPath = join(folder, 'gemma.gguf');
let facts: GgufFacts;
/** Keeps all tokens in each layer, because it knows of no window. */
let whole: LlamaEngine;

const load = (options: Partial<LlamaEngineOptions> = {}) =>
  loadLlamaEngine({
    modelPath,
    facts,
    contextSize: 4096,
    threads: 1,
    slots: 1,
    queueLimit: 16,
    conversationBytes: 50_000_000,
    ...options,
  });

/** Generates without an end of the text. */
const ask = async (
  engine: LlamaEngine,
  prompt: readonly Token[],
  options: {
    readonly maxTokens?: number;
    readonly cachePrompt?: boolean | 'exact';
    readonly logprobs?: number;
  } = {},
  signal?: AbortSignal,
) => {
  const sampling = { ignoreEndOfGeneration: true };
  const generated = await generateOn(engine, prompt, { sampling, maxTokens: 40, ...options }, signal);
  return { ...generated, answer: generated.tokens.map(({ token }) => token) };
};

const answerOf = async (prompt: readonly Token[], maxTokens?: number) =>
  (await ask(whole, prompt, { cachePrompt: false, ...(maxTokens && { maxTokens }) })).answer;

const textOf = (length: number, seed: number): Token[] =>
  Array.from({ length }, (_, index) => 10 + ((index * 7 + seed * 31 + ((index * index) >> 2)) % 200));

beforeAll(async () => {
  writeFileSync(modelPath, tinyGemma(4096));
  facts = await readGgufFacts(modelPath);
  whole = await load({ facts: { ...facts, slidingWindow: null }, conversationBytes: 0 });
});
afterAll(async () => {
  await whole[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe('a model with a sliding window', () => {
  let engine: LlamaEngine;
  beforeAll(async () => {
    engine = await load();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it('reuses all of a chat that goes on, far beyond its cells', async () => {
    let prompt = textOf(200, 1);
    let held = 0;
    for (let turn = 0; turn < 8; turn += 1) {
      const { cachedTokens, answer } = await ask(engine, prompt);
      expect(cachedTokens).toBe(held);
      expect(answer).toEqual(await answerOf(prompt));
      held = prompt.length + answer.length - 1;
      prompt = [...prompt, ...answer, ...textOf(150, 10 + turn)];
    }
    expect(held).toBeGreaterThan(1500);
  });

  it('goes back over short answers, which are rendered in another way', async () => {
    let prompt = textOf(900, 2);
    for (let turn = 0; turn < 4; turn += 1) {
      const { cachedTokens, answer } = await ask(engine, prompt);
      if (turn > 0) expect(cachedTokens).toBeGreaterThanOrEqual(prompt.length - 50);
      expect(answer).toEqual(await answerOf(prompt));
      prompt = [...prompt, ...textOf(50, 20 + turn)];
    }
  });

  it('goes back to the state before a long answer', async () => {
    let prompt = textOf(900, 3);
    for (let turn = 0; turn < 3; turn += 1) {
      const { cachedTokens, answer } = await ask(engine, prompt, { maxTokens: 800 });
      if (turn > 0) expect(cachedTokens).toBe(prompt.length - 30 - 8);
      expect(answer).toEqual(await answerOf(prompt, 800));
      prompt = [...prompt, ...textOf(30, 30 + turn)];
    }
  });

  it('is right after requests that were aborted anywhere', async () => {
    const prompt = textOf(1300, 4);
    for (const pieces of [1, 5, 30, 200]) {
      const abort = new AbortController();
      let seen = 0;
      const text = engine.generate(
        {
          prompt: [...prompt.slice(0, 1000 + pieces), ...textOf(200, 40 + pieces)],
          maxTokens: 700,
          stop: [],
          sampling: { ...greedy, ignoreEndOfGeneration: true },
        },
        abort.signal,
      );
      await expect(
        (async () => {
          for await (const _ of text) if (++seen === pieces) abort.abort(new Error('gone'));
        })(),
      ).rejects.toThrow('gone');
      expect((await ask(engine, prompt)).answer).toEqual(await answerOf(prompt));
    }
  });

  it('guesses within its window', async () => {
    await using guessing = await load({ lookupTokens: 16 });
    const once = textOf(400, 5);
    const prompt = [...once, ...once, ...once.slice(0, 50)];
    for (let times = 0; times < 2; times += 1)
      expect((await ask(guessing, prompt, { maxTokens: 300 })).answer).toEqual(await answerOf(prompt, 300));
  });

  it('serves chats side by side', async () => {
    await using slots = await load({ slots: 3, contextSize: 2048, lookupTokens: 8 });
    const talk = async (seed: number) => {
      let prompt = textOf(300, seed);
      for (let turn = 0; turn < 5; turn += 1) {
        const { answer } = await ask(slots, prompt);
        expect(answer).toEqual(await answerOf(prompt));
        prompt = [...prompt, ...answer, ...textOf(120 + 10 * seed, seed + 10 * turn)];
      }
    };
    await Promise.all([1, 2, 3, 4, 5].map(talk));
  });

  it('gives the bits of a cold start by the exact rule', async () => {
    await using exact = await load({ rule: 'exact' });
    const scores = async (prompt: readonly Token[], cachePrompt: boolean, maxTokens = 8) => {
      const { tokens, cachedTokens } = await ask(exact, prompt, { cachePrompt, maxTokens, logprobs: 1 });
      return { cachedTokens, logprobs: tokens.map(({ score }) => score?.logprob) };
    };
    const short = textOf(300, 6);
    await scores(short, true);
    const again = await scores([...short, 50], true);
    expect(again.cachedTokens).toBe(256);
    expect(again.logprobs).toEqual((await scores([...short, 50], false)).logprobs);

    // Behind this, the window has slid.
    await scores(textOf(1000, 6), true);
    const slid = await scores([...textOf(1000, 6), 50], true);
    expect(slid.cachedTokens).toBe(0);
    expect(slid.logprobs).toEqual((await scores([...textOf(1000, 6), 50], false)).logprobs);
  });

  it('scores branches longer than its cells as a context that keeps all', async () => {
    const prompt = textOf(700, 7);
    // A short one shows a window that a long one has overwritten.
    const branches = [900, 3, 1000, 5].map((length, seed) => ({
      tokens: textOf(length, seed),
      continuations: [textOf(3, seed + 10), textOf(1, seed + 20)],
    }));
    const { logprobs } = await engine.scoreBranches({ prompt, branches });
    const expected = await whole.scoreBranches({ prompt, branches });

    for (const [index, ways] of expected.logprobs.entries())
      for (const [place, logprob] of ways.entries()) expect(logprobs[index]?.[place]).toBeCloseTo(logprob, 1);
    expect((await engine.scoreBranches({ prompt, branches })).summary.cachedTokens).toBe(700);
  });
});
