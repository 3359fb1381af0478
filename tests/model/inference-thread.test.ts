// The thread that llama.cpp runs on: apart from libuv's, in order, and gone with its process.
import { execFile, execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { openLlamaAddon } from '../../src/engine/llama/llama-addon.ts';
import { createBareContext } from './bare-context.ts';
import { generateOn, loadEngine } from './generation.ts';

/** Of libuv, by default. */
const poolSize = 4;

/** Holds all threads of libuv's pool: each waits to open a pipe that has no writer. */
function blockPool(): { release(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'pipes-'));
  const pipes = Array.from({ length: poolSize }, (_, index) => join(folder, String(index)));
  execFileSync('mkfifo', pipes);
  const readers = pipes.map((path) => open(path, 'r'));
  return {
    async release() {
      const writers = pipes.map((path) => openSync(path, constants.O_WRONLY));
      for (const reader of await Promise.all(readers)) await reader.close();
      writers.forEach(closeSync);
      rmSync(folder, { recursive: true });
    },
  };
}

it("generates while every thread of libuv's pool is busy", async () => {
  await using engine = await loadEngine();
  const pool = blockPool();
  let poolAnswered = false;
  const answer = stat('.').then(() => {
    poolAnswered = true;
  });
  const { text } = await generateOn(engine, 'The capital of France is', { maxTokens: 2 });
  const answeredMeanwhile = poolAnswered;
  await pool.release();
  await answer;

  expect(text).toBe(' Paris.');
  expect(answeredMeanwhile).toBe(false);
});

it('frees a context after the calls made before, and refuses those made after', async () => {
  const opened = openLlamaAddon();
  const { model, context, inference, sampler } = await createBareContext(opened, 64);
  onTestFinished(() => model.dispose());
  const tokens = Uint32Array.from({ length: 64 }, (_, index) => 100 + index);
  context.initBatch(tokens.length);
  const [output = -1] = context.addToBatch(0, 0, tokens, Uint32Array.of(63));
  const calls = [
    inference.decode(),
    inference.sample(output, sampler),
    inference.score(output, 7, 2),
    inference.dispose(),
    inference.decode(),
    inference.sample(output, sampler),
    inference.dispose(),
  ];
  const outcomes = await Promise.allSettled(calls);

  expect(outcomes.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    ...['rejected', 'rejected', 'fulfilled'],
  ]);
  expect(outcomes[4]).toMatchObject({ reason: { message: 'The context is disposed of.' } });
});

it.each([
  { way: 'return', code: 0, output: /^200 of 200 steps\n$/ },
  { way: 'exit', code: 3, output: /^\d{1,2} of 200 steps\n$/ },
  { way: 'throw', code: 1, output: /^\d{1,2} of 200 steps\n$/ },
  { way: 'worker-exit', code: 0, output: /^\d{1,2} of 200 steps\nworker ended with 3\n$/ },
  {
    way: 'worker-throw',
    code: 0,
    output: /^\d{1,2} of 200 steps\nfailed while it decodes\nworker ended with 1\n$/,
  },
  { way: 'terminate', code: 0, output: /^worker ended with 1\n$/ },
  { way: 'exit-beside-worker', code: 3, output: /^$/ },
])('ends with its process while it decodes: $way', async ({ way, ...expected }) => {
  const program = fileURLToPath(new URL('fixtures/ending-inference.ts', import.meta.url));
  const { promise, resolve } = Promise.withResolvers<object>();
  execFile(process.execPath, [program, way], (error, output) =>
    resolve({ code: error === null ? 0 : error.code, signal: error?.signal ?? null, output }),
  );

  expect(await promise).toEqual({
    code: expected.code,
    signal: null,
    output: expect.stringMatching(expected.output),
  });
});
