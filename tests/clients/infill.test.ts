// Editors' requests to fill a gap, answered by a model whose vocabulary has the marks of a gap.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST_FILE } from '../../src/model/manifest.ts';
import { gapMarks, tinyCoder } from '../model/fixtures/tiny-generators.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-infill-'));

let server: TestServer;

beforeAll(async () => {
  const gguf = tinyCoder();
  writeFileSync(join(folder, 'model.gguf'), gguf);
  const { gguf: _, ...manifest } = model;
  writeFileSync(
    join(folder, MANIFEST_FILE),
    JSON.stringify({ ...manifest, name: 'tiny-coder', file: 'model.gguf', sizeBytes: gguf.length }),
  );
  server = await startTestServer({ MODEL_DIR: folder, CONTEXT_SIZE: '1024' });
});

afterAll(async () => {
  await server.end();
  rmSync(folder, { recursive: true });
});

interface Filled {
  readonly content: string;
  readonly tokens_evaluated: number;
  readonly tokens_predicted: number;
  readonly [field: string]: unknown;
}

async function ask(path: string, body: object): Promise<Filled> {
  const { status, body: answer } = await server.post<Filled>(path, body);
  expect({ status, answer }).toMatchObject({ status: 200 });
  return answer;
}

const before = 'def area(side):\n    ';
const after = '\n\nprint(area(2))\n';
const chunk = { text: 'import math\n', time: [0, 1], filename: 'a.py' };

/** As llama.vim sends it. */
const vimRequest = {
  id_slot: 0,
  input_prefix: before,
  input_suffix: after,
  input_extra: [],
  prompt: 'return',
  n_predict: 16,
  stop: [],
  n_indent: 4,
  top_k: 40,
  top_p: 0.9,
  samplers: ['top_k', 'top_p', 'infill'],
  stream: false,
  cache_prompt: true,
  t_max_prompt_ms: 500,
  t_max_predict_ms: 1000,
  response_fields: [
    'content',
    'timings/prompt_n',
    'timings/prompt_ms',
    'timings/predicted_n',
    'timings/predicted_ms',
    'truncated',
    'tokens_cached',
  ],
};

describe('POST /infill', () => {
  it('evaluates the marks around both texts, then the start of the gap', async () => {
    const settings = { n_predict: 12, temperature: 0 };
    const filled = await ask('/infill', {
      input_prefix: before,
      input_suffix: after,
      prompt: 'return',
      ...settings,
    });
    const [prefix, suffix, middle] = gapMarks;
    const content = `${prefix}${before}${suffix}${after}${middle}return`;
    const { body } = await server.post<{ tokens: number[] }>('/tokenize', { content, add_special: true });
    const completed = await ask('/completion', { prompt: body.tokens, ...settings });

    expect(filled.content).toBe(completed.content);
    expect(filled.content).not.toBe('');
    expect(filled.tokens_evaluated).toBe(completed.tokens_evaluated);
  });

  it('answers llama.vim with the fields it asks for', async () => {
    const answer = await ask('/infill', { ...vimRequest, input_extra: [chunk, chunk] });

    const lastNames = vimRequest.response_fields.map((path) => path.replace('timings/', ''));
    expect(Object.keys(answer).toSorted()).toEqual(lastNames.toSorted());
  });

  it("answers llama.vim's request that only evaluates other files", async () => {
    const { status } = await server.post('/infill', {
      ...vimRequest,
      input_prefix: '',
      input_suffix: '',
      input_extra: [chunk],
      prompt: '',
      n_predict: 0,
      temperature: 0,
      samplers: [],
      t_max_prompt_ms: 1,
      t_max_predict_ms: 1,
      response_fields: [''],
    });

    expect(status).toBe(200);
  });

  it('answers llama.vscode', async () => {
    const { response_fields: _, id_slot: __, ...request } = vimRequest;
    const answer = await ask('/infill', { ...request, input_extra: [chunk], top_k: 40, top_p: 0.99 });

    expect(answer).toMatchObject({ stop: true, model: 'tiny-coder', timings: { predicted_n: 16 } });
  });

  it('streams the text that it answers whole', async () => {
    const request = { ...vimRequest, temperature: 0, response_fields: undefined };
    const whole = await ask('/infill', request);
    const response = await fetch(`${server.origin}/infill`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, stream: true }),
    });
    const events = (await response.text()).trim().split('\n\n');

    expect(events.map((event) => JSON.parse(event.replace('data: ', '')).content).join('')).toBe(
      whole.content,
    );
  });

  it('keeps the nearest text of a long file', async () => {
    const answer = await ask('/infill', {
      ...vimRequest,
      input_prefix: before.repeat(200),
      input_suffix: after.repeat(200),
      input_extra: Array.from({ length: 64 }, () => chunk),
      response_fields: undefined,
    });

    expect(answer.tokens_evaluated).toBeGreaterThan(900);
    // Cutting a text may add the space that such a tokenizer writes before each.
    expect(answer.tokens_evaluated).toBeLessThanOrEqual(1024 - 16 + 1);
  });
});
