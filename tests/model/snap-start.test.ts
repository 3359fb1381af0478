// What SnapStart asks of a function: all is ready before the snapshot, and nothing in it is drawn or timed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bakePrefixes } from '../../tools/model/bake-prefixes.ts';
import { modelPath } from './default-model.ts';

const script = fileURLToPath(new URL('fixtures/snapshotted-environment.ts', import.meta.url));
const handler = new URL('../../functions/completion/handler.ts', import.meta.url).href;
const prefixes = mkdtempSync(join(tmpdir(), 'prefixes-'));
const prefix = 'The harbour was quiet, the boats lay still, and nobody spoke. '.repeat(5);

interface Completion {
  readonly id: string;
  readonly created: number;
  readonly choices: readonly { readonly text: string; readonly finish_reason: string }[];
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
  readonly timings: Readonly<Record<string, number>>;
}

beforeAll(async () => {
  const from = mkdtempSync(join(tmpdir(), 'prefix-sources-'));
  writeFileSync(join(from, 'harbour.txt'), prefix);
  await bakePrefixes({ model: dirname(modelPath), from, to: prefixes }, { THREADS: '1' });
  rmSync(from, { recursive: true });
});

afterAll(() => rmSync(prefixes, { recursive: true }));

/** An environment as one that is restored has it, and what it tells by Powertools if it does. */
async function restore(env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [script, handler], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      AWS_LAMBDA_INITIALIZATION_TYPE: 'snap-start',
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1',
      MODEL_DIR: dirname(modelPath),
      PREFIX_DIR: prefixes,
      THREADS: '1',
      ...env,
    },
  });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told: Record<string, unknown>[] = [];
  const read = async (): Promise<unknown> => {
    const line = JSON.parse((await lines.next()).value ?? '') as Record<string, unknown>;
    if (!('_aws' in line || 'level' in line)) return line;
    told.push(line);
    return read();
  };
  const { drawn } = (await read()) as { drawn: string[] };
  return {
    drawn,
    told,
    ask: async (event: object, requestId: string) => {
      child.stdin.write(`${JSON.stringify({ event, requestId })}\n`);
      return (await read()) as Completion;
    },
  };
}

describe('an environment that a snapshot is taken of', () => {
  it('draws no randomness while it is set up', async () => {
    expect((await restore()).drawn).toEqual([]);
  });

  it('keeps no reading of a clock', async () => {
    const { ask } = await restore();
    const before = Math.floor(Date.now() / 1000);
    const { created, timings, choices } = await ask({ prompt: 'Once upon a time', max_tokens: 8 }, 'a');

    expect(created).toBeGreaterThanOrEqual(before);
    expect(created).toBeLessThanOrEqual(Date.now() / 1000);
    // Set up in another era, it would find itself too late, or its first token ages ago.
    for (const milliseconds of [timings.prompt_ms, timings.predicted_ms]) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThan(60_000);
    }
    expect(timings.deadline).toBeUndefined();
    expect(choices[0]?.finish_reason).toBe('length');
  });

  it('has the longest prefix at hand', async () => {
    const { ask } = await restore();
    const { usage } = await ask({ prompt: `${prefix} Then a bell rang.`, max_tokens: 1 }, 'a');

    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(64);
  });

  it('gives in each copy another id, and without a seed another text', async () => {
    const event = { prompt: 'Once upon a time', max_tokens: 24, temperature: 1 };
    const [one, other] = [await restore(), await restore()];
    const answers = [await one.ask(event, 'a'), await other.ask(event, 'b')];

    expect(new Set(answers.map(({ id }) => id)).size).toBe(2);
    expect(new Set(answers.map(({ choices }) => choices[0]?.text)).size).toBe(2);
    const seeded = [await one.ask({ ...event, seed: 5 }, 'c'), await other.ask({ ...event, seed: 5 }, 'd')];
    expect(seeded[0]?.choices).toEqual(seeded[1]?.choices);
  });

  it('tells by Powertools of a cold start of each copy, at its own time, and of no load', async () => {
    const env = { POWERTOOLS_SERVICE_NAME: 'llm', POWERTOOLS_LOGGER_SAMPLE_RATE: '0.5', LOG_PROMPTS: 'true' };
    for (const { drawn, ask, told } of [await restore(env), await restore(env)]) {
      const before = Date.now();
      await ask({ prompt: 'Once upon a time', max_tokens: 2 }, 'a');
      await ask({ prompt: 'Once upon a time', max_tokens: 2 }, 'b');
      const metrics = told.filter((line) => '_aws' in line) as { _aws: { Timestamp: number } }[];

      expect(drawn).toEqual([]);
      expect(metrics).toMatchObject([{ ColdStart: 1, CompletionTokens: 2 }, { CompletionTokens: 2 }]);
      expect(metrics[0]).not.toHaveProperty('ModelLoad');
      expect(metrics[1]).not.toHaveProperty('ColdStart');
      for (const { _aws: aws } of metrics) expect(aws.Timestamp).toBeGreaterThanOrEqual(before);
      const durations = told.flatMap(({ duration_ms: ms }) => (ms === undefined ? [] : [Number(ms)]));
      expect(durations).toHaveLength(2);
      expect(Math.max(...durations)).toBeLessThan(60_000);
    }
  });
});
