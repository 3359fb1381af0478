import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../../../src/engine/engine.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { ask, createdAt } from './ask.ts';

const promptOf = (engine: FakeEngine) => engine.detokenize(engine.requests[0]?.prompt ?? []);

describe('POST /api/generate', () => {
  it('answers a prompt as a message of the user, in lines by default', async () => {
    const engine = new FakeEngine('é!', { contextSize: 256 });
    const { headers, lines } = await ask('/api/generate', { prompt: 'Hi', system: 'Be kind.' }, { engine });
    const head = { model: 'fake-1b:latest', created_at: createdAt };

    expect(headers['content-type']).toBe('application/x-ndjson');
    expect(lines()).toEqual([
      { ...head, response: 'é', done: false },
      { ...head, response: '!', done: false },
      {
        ...head,
        response: '',
        done: true,
        done_reason: 'stop',
        total_duration: 50_000_000,
        load_duration: 0,
        prompt_eval_count: expect.any(Number),
        prompt_eval_duration: 20_000_000,
        eval_count: 2,
        eval_duration: 30_000_000,
      },
    ]);
    expect(promptOf(engine)).toBe(
      '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it.each([false, true])('continues a raw prompt as it is, with stream: %j', async (stream) => {
    const engine = new FakeEngine();
    const body = { prompt: 'The capital is', raw: true, stream, options: { num_predict: 3, temperature: 0 } };
    const { lines, json } = await ask('/api/generate', body, { engine });
    const answers = stream ? lines() : [json()];

    expect(answers.map(({ response }) => response).join('')).toBe(' Pa');
    expect(answers.at(-1)).toMatchObject({
      done: true,
      done_reason: 'length',
      eval_count: 3,
      prompt_eval_count: 14,
    });
    expect(promptOf(engine)).toBe('The capital is');
  });

  it('fills the gap before a suffix', async () => {
    const engine = new FakeEngine('x', { infills: true });
    const { json } = await ask('/api/generate', { prompt: 'a', suffix: 'b', stream: false }, { engine });
    const refused = await ask('/api/generate', { prompt: 'a', suffix: 'b' });

    expect(json()).toMatchObject({ response: 'x', done_reason: 'stop' });
    expect(engine.requests[0]?.prompt).toEqual(engine.toInfillPrompt('a', 'b'));
    expect(refused.json()).toEqual({ error: expect.stringMatching(/^'suffix' is not supported/) });
  });

  it('continues the prompt for a model without a chat template', async () => {
    const engine = new FakeEngine();
    const body = { prompt: 'Once', system: 'A tale.', stream: false };
    const { json } = await ask('/api/generate', body, { engine, chatTemplate: undefined });

    expect(json().response).toBe(' Paris.');
    expect(promptOf(engine)).toBe('A tale.\n\nOnce');
  });

  it.each([{}, { prompt: '' }, { prompt: '', raw: true }, { keep_alive: 0 }])(
    'loads the model for %j, without a generation',
    async (body) => {
      const engine = new FakeEngine();
      const { json } = await ask('/api/generate', body, { engine });

      expect(json()).toEqual({
        model: 'fake-1b:latest',
        created_at: createdAt,
        response: '',
        done: true,
        done_reason: 'load',
      });
      expect(engine.requests).toEqual([]);
    },
  );

  it('returns thoughts', async () => {
    const engine = new FakeEngine('<think>Hm.</think>Hello.', { contextSize: 256 });
    const service = { engine, chatTemplate: templates.thinking };
    const { json } = await ask('/api/generate', { prompt: 'Hi', think: true, stream: false }, service);

    expect(json()).toMatchObject({ response: 'Hello.', thinking: 'Hm.' });
  });

  it.each([{}, { raw: true }])('follows a format with %j', async (body) => {
    const engine = new FakeEngine('[1]', { contextSize: 256 });
    const format = { type: 'array', items: { type: 'integer' } };
    const { json } = await ask('/api/generate', { prompt: 'Hi', format, stream: false, ...body }, { engine });

    expect(json().response).toBe('[1]');
    expect(engine.requests[0]?.grammar?.gbnf).toBeDefined();
  });

  it.each([{}, { raw: true }])('returns log-probabilities, the likeliest first, with %j', async (body) => {
    const engine = new FakeEngine('b', { contextSize: 256 });
    const asked = { prompt: 'Hi', logprobs: true, top_logprobs: 3, ...body };
    const whole = await ask('/api/generate', { ...asked, stream: false }, { engine });
    const streamed = await ask('/api/generate', asked, { engine });

    for (const { logprobs } of [whole.json(), streamed.lines()[0]])
      expect(logprobs).toEqual([
        {
          token: 'b',
          logprob: -0.5,
          bytes: [0x62],
          top_logprobs: [
            { token: 'b', logprob: -0.5, bytes: [0x62] },
            { token: 'a', logprob: -1.5, bytes: [0x61] },
            { token: 'c', logprob: -2.5, bytes: [0x63] },
          ],
        },
      ]);
  });

  it('leaves a token that is none of the likeliest out of them', async () => {
    class Unlikely extends FakeEngine {
      override async *generate(request: GenerationRequest) {
        const top = [
          { token: 0x31, logprob: -0.1 },
          { token: 0x11_00f0, logprob: -3 },
        ];
        const generated = { token: 0x32, offset: 0, score: { token: 0x32, logprob: -5, top } };
        for await (const event of super.generate(request))
          yield event.type === 'text' ? { ...event, tokens: [generated] } : event;
      }
    }
    const asked = { prompt: 'Hi', raw: true, logprobs: true, top_logprobs: 2, stream: false };
    const { json } = await ask('/api/generate', asked, { engine: new Unlikely('2') });

    expect(json().logprobs[0].top_logprobs).toEqual([
      { token: '1', logprob: -0.1, bytes: [0x31] },
      { token: 'bytes:\\xf0', logprob: -3, bytes: [0xf0] },
    ]);
  });

  it('ignores a template and a context, and tells them', async () => {
    const { status, headers } = await ask('/api/generate', {
      prompt: 'Hi',
      template: '{{ .Prompt }}',
      context: [1, 2],
    });

    expect([status, headers['x-ignored-fields']]).toEqual([200, 'template, context']);
  });

  it.each([{}, { raw: true }])('has a note for an image, or refuses it, with %j', async (body) => {
    const asked = { prompt: 'What is it?', images: ['aGk='], ...body };
    const engine = new FakeEngine('?', { contextSize: 2048 });
    const noted = await ask('/api/generate', asked, { engine, imagePlaceholders: true });
    const refused = await ask('/api/generate', asked);

    expect(noted.status).toBe(200);
    expect([refused.status, refused.json()]).toEqual([
      400,
      { error: 'This model reads only text. Remove the image.' },
    ]);
  });

  it.each([
    [{ prompt: 7 }, "'prompt' must be a string, not 7."],
    [{ prompt: 'Hi', raw: true, system: 'Be kind.' }, "'system' and 'raw' cannot be used together."],
    [
      { prompt: 'Hi', raw: true, options: { top_k: 0.5 } },
      "'options.top_k' must be a whole number, not 0.5.",
    ],
  ])('refuses %j', async (body, error) => {
    const { status, json } = await ask('/api/generate', body);

    expect([status, json()]).toEqual([400, { error }]);
  });

  it("names its own fields and paths in a chat's errors", async () => {
    const long = await ask('/api/generate', { prompt: 'x'.repeat(99) });
    const embedder = await ask(
      '/api/generate',
      { prompt: 'Hi' },
      { engine: new FakeEngine('', { slots: 0 }) },
    );

    expect(long.json().error).toMatch(/Shorten 'prompt'\.$/);
    expect(embedder.json().error).toBe('This model cannot generate text. Use /api/embed.');
  });
});
