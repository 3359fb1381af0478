// The tokens that end a text are those of llama.cpp's own set: on a tiny model with the tokens of gpt-oss, which ends its thoughts by
// the token that other models end a turn by.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { harmonyMarks, tinyHarmony } from './fixtures/tiny-generators.ts';
import { generateOn } from './generation.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-ends-'));
const modelPath = join(folder, 'harmony.gguf');
beforeAll(() => writeFileSync(modelPath, tinyHarmony()));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([1, 2])('with %i slots', (slots) => {
  let engine: LlamaEngine;
  beforeAll(async () => {
    engine = await loadLlamaEngine({ modelPath, contextSize: 256, threads: 1, slots, queueLimit: 4 });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  /** Generates a token again and again, as long as it ends nothing. */
  const repeat = (mark: string, ignoreEndOfGeneration = false) => {
    const [token = -1] = engine.tokenizeText(mark, { special: true }).slice(-1);
    const sampling = { logitBias: new Map([[token, 100]]), ignoreEndOfGeneration };
    return generateOn(engine, [20, 21], { sampling, maxTokens: 5 });
  };

  it.each(harmonyMarks)('ends a text where llama.cpp does: %s', async (mark) => {
    const { finishReason, completionTokens } = await repeat(mark);

    expect([finishReason, completionTokens]).toEqual(mark === '<|end|>' ? ['length', 5] : ['stop', 1]);
  });

  it('forbids no other token where the text may not end', async () => {
    const { tokens } = await repeat('<|end|>', true);

    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect((await repeat('<|return|>', true)).finishReason).toBe('length');
  });
});
