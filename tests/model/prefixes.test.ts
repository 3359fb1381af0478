// Snapshots of prompt prefixes on the real model: baked by the command, restored by another engine.
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest';
import { hasAmx } from '../../native/processor.ts';
import type { KvType } from '../../src/engine/engine.ts';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { bakePrefixes } from '../../tools/model/bake-prefixes.ts';
import { PrefixError } from '../../tools/model/prefix-files.ts';
import { model, modelPath } from './default-model.ts';
import { contextSize, generateOn } from './generation.ts';

const folder = mkdtempSync(join(tmpdir(), 'prefixes-'));
const sources = join(folder, 'sources');
const baked = join(folder, 'baked');
const rules = Array.from(
  { length: 30 },
  (_, rule) => `Rule ${rule}: be kind, and answer in one sentence.`,
).join(' ');
const system = 'You are a poet who knows the sea.';

const engines: LlamaEngine[] = [];

async function load(
  directory: string,
  options: { model?: string; kvType?: KvType; slots?: number } = {},
): Promise<LlamaEngine> {
  const engine = await loadLlamaEngine({
    modelPath,
    contextSize,
    threads: 1,
    slots: options.slots ?? 1,
    queueLimit: 8,
    rule: 'exact',
    ...(options.kvType && { kvType: options.kvType }),
    prefixes: { directory, model: options.model ?? model.sha256 },
  });
  engines.push(engine);
  return engine;
}

/** A copy of the snapshots, to be damaged. */
function copy(): string {
  const directory = mkdtempSync(join(folder, 'copy-'));
  cpSync(baked, directory, { recursive: true });
  return directory;
}

const bake = (from: string, to: string) =>
  bakePrefixes({ model: dirname(modelPath), from, to }, { CONTEXT_SIZE: String(contextSize), THREADS: '1' });

let warnings: MockInstance;

beforeAll(async () => {
  cpSync(new URL('../../models/prefixes', import.meta.url), sources, { recursive: true });
  writeFileSync(join(sources, 'rules.txt'), rules);
  writeFileSync(join(sources, 'half.txt'), rules.slice(0, rules.length / 2));
  writeFileSync(
    join(sources, 'poet.json'),
    JSON.stringify({ messages: [{ role: 'system', content: system }] }),
  );
  await bake(sources, baked);
});

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]();
  warnings?.mockRestore();
});

afterAll(() => rmSync(folder, { recursive: true }));

const lengthOf = (name: string) => {
  const { prefixes } = JSON.parse(readFileSync(join(baked, 'index.json'), 'utf8')) as {
    prefixes: { name: string; tokens: number[] }[];
  };
  return prefixes.find((prefix) => prefix.name === name)?.tokens.length ?? Number.NaN;
};

describe('a prompt that begins with a baked prefix', () => {
  it.each([
    ['greedily', { temperature: 0 }],
    ['at temperature 1', { temperature: 1, seed: 7 }],
  ])('pays for the rest only, and gives the same text as without the snapshot: %s', async (_, sampling) => {
    const prompts = [`${rules} What is the sea?`, `${rules.slice(0, rules.length / 2 + 9)} and so on.`];
    const directory = copy();
    for (const name of ['rules', 'half']) truncateSync(join(directory, `${name}.txt.state`), 1000);
    warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const [restoring, evaluating] = [await load(baked), await load(directory)];

    for (const [index, prompt] of prompts.entries()) {
      const restored = await generateOn(restoring, prompt, { sampling });
      const evaluated = await generateOn(evaluating, prompt, { sampling, cachePrompt: index === 0 });

      expect(restored.text).toBe(evaluated.text);
      expect(evaluated.cachedTokens).toBe(0);
      expect(restored.cachedTokens).toBe(lengthOf(index === 0 ? 'rules.txt' : 'half.txt'));
      expect(restored.cachedTokens + restored.promptTokens).toBe(evaluated.promptTokens);
    }
  });

  it('is answered as by an engine that knows no prefixes, but for what other cuts round otherwise', async () => {
    const prompt = `${rules} The capital of France is`;
    // Further on, differences add up.
    const first = 4;
    const answer = (engine: LlamaEngine) =>
      generateOn(engine, prompt, { maxTokens: hasAmx ? first : 24, logprobs: 0 });
    const restored = await answer(await load(baked));
    const evaluated = await answer(await load(join(folder, 'nowhere')));

    expect(restored.text).toBe(evaluated.text);
    for (const [index, { score }] of restored.tokens.slice(0, first).entries()) {
      // Up to 0.05 where prompts are evaluated by AMX.
      expect(
        Math.abs((score?.logprob ?? Number.NaN) - (evaluated.tokens[index]?.score?.logprob ?? Number.NaN)),
      ).toBeLessThan(0.1);
    }
  });

  it('may be a chat', async () => {
    const engine = await load(baked);
    const chat = `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nSing!<|im_end|>\n<|im_start|>assistant\n`;

    expect(await generateOn(engine, chat)).toMatchObject({ cachedTokens: lengthOf('poet.json') });
  });

  it('are restored in any of several slots', async () => {
    const engine = await load(baked, { slots: 3 });
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((word) => generateOn(engine, `${rules} ${word}`, { maxTokens: 8 })),
    );

    for (const { cachedTokens } of answers) expect(cachedTokens).toBe(lengthOf('rules.txt'));
    // As the same slots evaluate it.
    const evaluated = await generateOn(engine, `${rules} one`, { maxTokens: 8, cachePrompt: false });
    expect(answers[0]?.text).toBe(evaluated.text);
  });

  it('keeps what it just used where that is longer', async () => {
    const engine = await load(baked);
    const prompt = `${rules} ${'More and more words. '.repeat(40)}`;
    await generateOn(engine, prompt, { maxTokens: 1 });

    const { cachedTokens } = await generateOn(engine, `${prompt} The end.`, { maxTokens: 1 });
    expect(cachedTokens).toBeGreaterThan(lengthOf('rules.txt'));
  });
});

describe('snapshots that cannot be used', () => {
  const warningsOf = () =>
    warnings.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('evaluated anew'));

  const damage = (directory: string) => {
    const path = join(directory, 'rules.txt.state');
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  it.each<[string, (directory: string) => void, string]>([
    ['with one wrong bit', damage, 'its content is damaged'],
    ['that are missing', (directory) => rmSync(join(directory, 'rules.txt.state')), 'ENOENT'],
    [
      'with an index that is none',
      (directory) => writeFileSync(join(directory, 'index.json'), '{'),
      'cannot be read',
    ],
  ])('are passed over with one warning: %s', async (_, spoil, reason) => {
    const directory = copy();
    spoil(directory);
    warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const engine = await load(directory);
    const answers = [];
    for (const name of ['one', 'two', 'three'])
      answers.push(
        await generateOn(engine, `${rules} ${name}`, { maxTokens: 2, cachePrompt: name === 'one' }),
      );

    expect(answers[0]?.cachedTokens).toBeLessThan(lengthOf('rules.txt'));
    expect(answers.every(({ completionTokens }) => completionTokens === 2)).toBe(true);
    expect(warningsOf()).toEqual([expect.stringContaining(reason)]);
  });

  it('are passed over when they were made with another model', async () => {
    warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const engine = await load(baked, { model: 'f'.repeat(64) });

    expect(await generateOn(engine, `${rules} Hello`, { maxTokens: 1 })).toMatchObject({ cachedTokens: 0 });
    expect(warningsOf()).toEqual([expect.stringContaining('was made with another model')]);
  });

  it.each([
    ['long.txt', 'word '.repeat(2000), /long\.txt has \d+ tokens; with CONTEXT_SIZE=1024/],
    [
      'chat.json',
      '{"messages": [{"role": "king", "content": "Hi"}]}',
      /chat\.json is not the beginning of a chat: .*role/,
    ],
    ['broken.json', '{', /broken\.json is not the beginning of a chat/],
  ])('are not made of what is no prefix: %s', async (name, content, message) => {
    const from = mkdtempSync(join(folder, 'wrong-'));
    writeFileSync(join(from, name), content);
    const failure = bake(from, join(folder, 'unused'));

    await expect(failure).rejects.toBeInstanceOf(PrefixError);
    await expect(failure).rejects.toThrow(message);
  });
});

describe('keys and values of 8 bits', () => {
  it('take about half the space, and snapshots of them are for their like alone', async () => {
    const directory = mkdtempSync(join(folder, 'q8-'));
    const plain = await load(join(folder, 'nowhere'), { kvType: 'q8_0' });
    const tokens = plain.tokenize(`${rules} `).slice(0, 256);
    await plain.bakePrefixes([{ name: 'rules', tokens }], { directory, model: model.sha256 });
    const sixteen = await load(join(folder, 'nowhere'));
    const wide = mkdtempSync(join(folder, 'f16-'));
    await sixteen.bakePrefixes([{ name: 'rules', tokens }], { directory: wide, model: model.sha256 });
    const size = (where: string) => statSync(join(where, 'rules.state')).size;

    expect(size(directory) / size(wide)).toBeCloseTo(34 / 64, 1);
    const prompt = `${rules} The capital of France is`;
    const restored = await generateOn(await load(directory, { kvType: 'q8_0' }), prompt);
    expect(restored.cachedTokens).toBe(256);
    expect(restored.text).toBe((await generateOn(plain, prompt)).text);

    warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(await generateOn(await load(directory), prompt)).toMatchObject({ cachedTokens: 0 });
    expect(String(warnings.mock.calls[0]?.[0])).toContain('was made with another kvType (q8_0, not f16)');
  });
});
