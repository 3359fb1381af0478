// Whole blocks of a prompt are evaluated together: as many as there is time for, and to the last bit it makes no difference.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LlamaContext } from '../../src/engine/llama/llama-context.ts';
import { Pace } from '../../src/engine/sequence/pace.ts';
import { chunkEnds } from '../chunk-ends.ts';
import { processorLibraries } from '../processor.ts';
import { generateOn, loadEngine } from './generation.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('fixtures/prompt-states.ts', import.meta.url));
const length = 270;

afterEach(() => {
  vi.restoreAllMocks();
});

it.each(processorLibraries)(
  'a prompt is rounded alike, however many of its blocks go together: %s',
  async (library) => {
    const pieces = [64, 128, 256].map((longest) => String(chunkEnds(length, { longest })));
    const behindPrefix = [64, 256].map((longest) => String(chunkEnds(length, { breaks: [103], longest })));
    const { stdout } = await run(process.execPath, [
      program,
      library,
      '1',
      ...pieces,
      ...behindPrefix,
      '64,270',
    ]);
    const states = stdout.trim().split('\n');

    expect(new Set(pieces).size).toBe(3);
    expect(new Set(states.slice(0, 3)).size).toBe(1);
    expect(new Set(states.slice(3, 5)).size).toBe(1);
    // The states do tell pieces from others.
    expect(new Set([states[0], states[3], states[5]]).size).toBe(3);
  },
  90_000,
);

describe('an engine', () => {
  it.each([
    [0, [64, 64, 64, 64, 14]],
    [130, [128, 128, 14]],
    [1000, [256, 14]],
  ])('evaluates the blocks of a prompt together that there is time for: %i tokens', async (tokens, sizes) => {
    const engine = await loadEngine();
    const decode = vi.spyOn(LlamaContext.prototype, 'decode');
    vi.spyOn(Pace.prototype, 'promptTokensWithin').mockReturnValue(tokens);
    const prompt = Array.from({ length }, (_, index) => 100 + index * 13);
    await generateOn(engine, prompt, { maxTokens: 1 });
    await engine[Symbol.asyncDispose]();

    expect(decode.mock.calls.map(([step]) => step.tokens.length)).toEqual(sizes);
  });
});
