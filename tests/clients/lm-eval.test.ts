// lm-eval's local-completions on tasks with local data: log-likelihoods, rolling log-likelihoods and
// generation, compared with llama-cpp-python on the same file.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasAvx512 } from '../../native/processor.ts';
import { model } from '../model/default-model.ts';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';
import { readReference } from './reference.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** The allowed difference per token, in natural logarithms. There is no reference with AVX2 alone. */
const tolerance = hasAvx512 ? 0.05 : 0.3;

interface Reference {
  readonly multiple_choice: readonly {
    readonly question: string;
    readonly choices: readonly { tokens: number; log_likelihood: number; greedy: boolean }[];
  }[];
  readonly generation: readonly { readonly question: string; readonly text: string }[];
  readonly perplexity: readonly {
    readonly text: string;
    readonly tokens: number;
    readonly log_likelihood: number;
  }[];
}

interface Sample {
  readonly doc_id: number;
  /** Texts, and numbers in text form. */
  readonly filtered_resps: readonly (string | readonly [logLikelihood: string, isGreedy: string])[];
  readonly resps: readonly (readonly (string | readonly string[])[])[];
}

const reference = readReference<Reference>();
const output = mkdtempSync(join(tmpdir(), 'gguf-lambda-lm-eval-'));

let server: TestServer;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer();
  const evaluation = await runPython([
    '-m',
    'lm_eval',
    '--model',
    'local-completions',
    '--model_args',
    `model=${model.name},base_url=${server.origin}/v1/completions,tokenizer_backend=remote`,
    '--tasks',
    'local_multiple_choice,local_generation,local_perplexity',
    '--include_path',
    'tasks',
    '--output_path',
    output,
    '--log_samples',
  ]);
  if (evaluation.code !== 0) throw new Error(evaluation.stderr);
}, pythonSetupTimeout);

afterAll(async () => {
  rmSync(output, { recursive: true });
  await server.end();
});

function readSamples(task: string): Sample[] {
  const file = readdirSync(output, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.includes(`samples_${task}_`),
  );
  if (file === undefined) throw new Error(`lm-eval wrote no samples of ${task}.`);
  const lines = readFileSync(join(output, file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Sample).toSorted((one, other) => one.doc_id - other.doc_id);
}

describe('lm-eval', () => {
  it('computes the log-likelihoods of multiple-choice answers', () => {
    const samples = readSamples('local_multiple_choice');

    expect(samples).toHaveLength(reference.multiple_choice.length);
    for (const [index, { choices }] of reference.multiple_choice.entries()) {
      for (const [place, { tokens, log_likelihood, greedy }] of choices.entries()) {
        const [logLikelihood, isGreedy] = samples[index]?.filtered_resps[place] ?? [];
        expect(Math.abs(Number(logLikelihood) - log_likelihood)).toBeLessThan(tolerance * tokens);
        expect(isGreedy).toBe(greedy ? 'True' : 'False');
      }
    }
  });

  it('computes the log-likelihoods of whole texts', () => {
    const samples = readSamples('local_perplexity');

    expect(samples).toHaveLength(reference.perplexity.length);
    for (const [index, { tokens, log_likelihood }] of reference.perplexity.entries()) {
      const [logLikelihood] = [samples[index]?.filtered_resps[0]].flat();
      expect(Math.abs(Number(logLikelihood) - log_likelihood)).toBeLessThan(tolerance * tokens);
    }
  });

  it('generates texts that end at its stop strings', () => {
    const texts = readSamples('local_generation').map(({ resps }) => resps[0]?.[0]);

    expect(texts).toEqual(reference.generation.map(({ text }) => text));
  });
});
