// Requests as llama.vim, llama.vscode and Continue send them to llama-server.
import { describe, expect, it } from 'vitest';
import { answer } from '../../../../src/http/answer.ts';
import { toWholeResponse } from '../../../../src/http/http.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';

async function ask(path: string, body: object | undefined, engine: FakeEngine) {
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers: {},
    body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
  };
  const response = await toWholeResponse(await answer(request, { engine, model }, toContext()));
  return { ...response, json: () => JSON.parse(response.body) };
}

const infilling = (text = 'b', contextSize = 200) => new FakeEngine(text, { infills: true, contextSize });

/** The text of a prompt, with the marks of the fake vocabulary. */
function readPrompt(engine: FakeEngine): string {
  const [prefix = 0] = engine.toInfillPrompt('', '') ?? [];
  const marks = new Map([
    [prefix, '<PRE>'],
    [prefix + 1, '<SUF>'],
    [prefix + 2, '<MID>'],
  ]);
  return (engine.requests[0]?.prompt ?? [])
    .map((token) => marks.get(token) ?? engine.detokenize([token]))
    .join('');
}

describe('POST /completion', () => {
  it("answers in llama-server's format", async () => {
    const engine = new FakeEngine();
    const { status, json } = await ask(
      '/completion',
      { prompt: 'The capital is', seed: 3, stop: 'x' },
      engine,
    );

    expect(status).toBe(200);
    expect(json()).toEqual({
      index: 0,
      content: ' Paris.',
      tokens: [...' Paris.'].map((letter) => letter.codePointAt(0)),
      stop: true,
      id_slot: -1,
      tokens_predicted: 7,
      tokens_evaluated: 14,
      model,
      prompt: 'The capital is',
      generation_settings: {
        n_predict: 50,
        seed: 3,
        temperature: 1,
        top_k: 0,
        top_p: 1,
        min_p: 0,
        stop: ['x'],
      },
      has_new_line: false,
      truncated: false,
      stop_type: 'eos',
      stopping_word: '',
      tokens_cached: 21,
      timings: expect.objectContaining({ predicted_n: 7 }),
    });
  });

  it('generates as many tokens as fit by default, and at most n_predict', async () => {
    const engine = new FakeEngine();
    expect((await ask('/completion', { prompt: 'Hi', n_predict: -1 }, engine)).status).toBe(200);
    const { json } = await ask('/completion', { prompt: 'Hi', n_predict: 3 }, engine);

    expect(engine.requests.map(({ maxTokens }) => maxTokens)).toEqual([62, 3]);
    expect(json()).toMatchObject({ content: ' Pa', stop_type: 'limit' });
  });

  it('says that a stop string ended the text', async () => {
    const { json } = await ask('/completion', { prompt: 'Hi', stop: ['ri'] }, new FakeEngine());

    expect(json()).toMatchObject({ content: ' Pa', stop_type: 'word', stopping_word: 'ri' });
  });

  it('returns the likeliest tokens that n_probs asks for', async () => {
    const { json } = await ask(
      '/completion',
      { prompt: 'Hi', n_predict: 1, n_probs: 2 },
      new FakeEngine('é'),
    );

    expect(json().completion_probabilities).toEqual([
      {
        id: 0xe9,
        token: 'é',
        bytes: [0xc3, 0xa9],
        logprob: -0.5,
        top_logprobs: [
          { id: 0xe9, token: 'é', bytes: [0xc3, 0xa9], logprob: -0.5 },
          { id: 0x61, token: 'a', bytes: [0x61], logprob: -1.5 },
        ],
      },
    ]);
  });

  it('answers several prompts with a list', async () => {
    const { json } = await ask('/completion', { prompt: ['a', 'b'], n_predict: 2 }, new FakeEngine());

    expect(json()).toMatchObject([
      { index: 0, content: ' P', prompt: 'a' },
      { index: 1, content: ' P', prompt: 'b' },
    ]);
  });

  it('streams chunks without a mark at their end', async () => {
    const { headers, body } = await ask(
      '/completion',
      { prompt: 'Hi', n_predict: 2, stream: true, mirostat: 0, frequency_penalty: 0 },
      new FakeEngine(),
    );
    const chunks = body.split('\n\n').map((event) => event.replace(/^data: /, ''));

    expect(headers['content-type']).toContain('text/event-stream');
    expect(chunks.pop()).toBe('');
    expect(chunks.map((chunk) => JSON.parse(chunk))).toMatchObject([
      { content: ' ', stop: false, tokens_predicted: 1 },
      { content: 'P', stop: false, tokens_predicted: 2 },
      { content: '', stop: true, stop_type: 'limit', timings: { predicted_n: 2 } },
    ]);
  });

  it('has the timings so far in every chunk with timings_per_token', async () => {
    const countsOf = async (fields: object) => {
      const { body } = await ask(
        '/completion',
        { prompt: 'Hi', n_predict: 2, stream: true, ...fields },
        new FakeEngine(),
      );
      const chunks = body
        .trim()
        .split('\n\n')
        .map((event) => JSON.parse(event.replace(/^data: /, '')));
      return chunks.map(({ timings }) => timings?.predicted_n);
    };

    expect(await countsOf({ timings_per_token: true })).toEqual([1, 2, 2]);
    expect(await countsOf({})).toEqual([undefined, undefined, 2]);
  });

  it('returns only the fields that are asked for', async () => {
    const fields = [
      'content',
      'timings/predicted_n',
      'generation_settings/seed',
      'nothing/at/all',
      'model/length',
    ];
    const { json } = await ask(
      '/completion',
      { prompt: 'Hi', seed: 2, response_fields: fields },
      new FakeEngine(),
    );

    expect(json()).toEqual({ content: ' Paris.', predicted_n: 7, seed: 2 });
  });

  it('obeys a schema', async () => {
    const engine = new FakeEngine(['[', '[1]']);
    const { json } = await ask('/completion', { prompt: 'Hi', json_schema: { type: 'array' } }, engine);

    expect(json()).toMatchObject({ content: '[1]' });
    expect(engine.requests[0]?.grammar?.gbnf).toContain('array');
  });

  it.each([
    [{ prompt: 'Hi', n_probs: 'x' }, 'n_probs'],
    [{ prompt: 'Hi', response_fields: [1] }, 'response_fields.0'],
    [{}, 'prompt'],
  ])('refuses %j', async (body, param) => {
    const { status, json } = await ask('/completion', body, new FakeEngine());

    expect({ status, body: json() }).toMatchObject({ status: 400, body: { error: { param } } });
  });
});

describe('POST /infill', () => {
  const editor = {
    input_prefix: 'def f():\n',
    input_suffix: '\nreturn x\n',
    input_extra: [{ filename: 'a.py', text: 'x = 1', time: 7 }],
    prompt: '    x',
    n_predict: 20,
    n_indent: 4,
    top_k: 40,
    top_p: 0.9,
    stream: false,
    samplers: ['top_k', 'top_p', 'infill'],
    cache_prompt: true,
    t_max_prompt_ms: 500,
    t_max_predict_ms: 1000,
    id_slot: 0,
    response_fields: ['content', 'timings/prompt_n', 'truncated', 'tokens_cached'],
  };

  it('fills the gap of an editor', async () => {
    const engine = infilling(' = 2');
    const { status, json } = await ask('/infill', editor, engine);

    expect({ status, body: json() }).toMatchObject({
      status: 200,
      body: { content: ' = 2', truncated: false },
    });
    expect(readPrompt(engine)).toBe('\n\n--- snippet ---\n\nx = 1<PRE>def f():\n<SUF>\nreturn x\n<MID>    x');
    expect(engine.requests[0]).toMatchObject({ maxTokens: 20, maxPredictMs: 1000 });
  });

  it('keeps the nearest text when the context has no room for all', async () => {
    const engine = infilling('c', 100);
    const body = {
      input_prefix: `${'-'.repeat(5000)}near`,
      input_suffix: `next${'-'.repeat(5000)}`,
      input_extra: [{ text: 'far'.repeat(9) }],
      n_predict: 20,
    };
    const { status } = await ask('/infill', body, engine);
    const prompt = readPrompt(engine);

    expect(status).toBe(200);
    expect(engine.requests[0]?.prompt.length).toBeLessThanOrEqual(80);
    expect(prompt).toContain('near<SUF>next');
    expect(prompt.startsWith('<PRE>')).toBe(true);
  });

  it('streams', async () => {
    const { body } = await ask('/infill', { ...editor, stream: true }, infilling());

    expect(body).toContain('"content":"b"');
    expect(body).not.toContain('[DONE]');
  });

  it('is refused by a model that cannot fill in', async () => {
    const { status, json } = await ask('/infill', editor, new FakeEngine());

    expect({ status, body: json() }).toMatchObject({
      status: 400,
      body: { error: { code: 'unsupported_parameter', message: expect.stringContaining('cannot fill in') } },
    });
  });

  it.each([
    [{ input_prefix: 1 }, 'input_prefix'],
    [{ input_extra: [{}] }, 'input_extra.0.text'],
  ])('refuses %j', async (body, param) => {
    const { status, json } = await ask('/infill', body, infilling());

    expect({ status, body: json() }).toMatchObject({ status: 400, body: { error: { param } } });
  });
});

describe('GET /slots', () => {
  it('describes each slot, without a prompt', async () => {
    const { json } = await ask('/slots', undefined, new FakeEngine('a', { slots: 2 }));

    expect(json()).toEqual([
      { id: 0, n_ctx: 64, speculative: false, is_processing: false },
      { id: 1, n_ctx: 64, speculative: false, is_processing: false },
    ]);
  });
});
