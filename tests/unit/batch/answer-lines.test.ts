import { describe, expect, it, vi } from 'vitest';
import { type AnswerLinesOptions, answerLines } from '../../../src/batch/answer-lines.ts';
import type { BatchResult } from '../../../src/batch/batch-result.ts';
import type { ChatTemplate } from '../../../src/chat/chat-template.ts';
import { EngineBusyError } from '../../../src/engine/engine.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { toContext, toTemplate } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { toLine, toNumbered, toOptions, toService } from './requests.ts';

/** Answers lines; returns the saved results and the numbers of the unfinished lines. */
async function answer(
  lines: readonly string[],
  engine: FakeEngine,
  overrides: Partial<Omit<AnswerLinesOptions, 'save'>> & {
    onSave?: (number: number) => void;
    embedder?: FakeEmbedder;
    chatTemplate?: ChatTemplate;
  } = {},
) {
  const { onSave, embedder, chatTemplate, ...others } = overrides;
  const { options, logged } = toOptions(others);
  const saved = new Map<number, BatchResult>();
  const { unfinished } = await answerLines(
    toNumbered(lines),
    { ...toService(engine), embedder, chatTemplate },
    {
      ...options,
      save: async ({ number }, result) => {
        onSave?.(number);
        saved.set(number, result);
      },
    },
  );
  return { saved, unfinished: unfinished.map(({ number }) => number), logged };
}

describe('answerLines', () => {
  it('returns the response of the path', async () => {
    const { saved, unfinished } = await answer([toLine('one')], new FakeEngine(' Paris.'));

    expect(unfinished).toEqual([]);
    expect(saved.get(0)).toEqual({
      id: 'batch_req_request-0',
      custom_id: 'one',
      response: {
        status_code: 200,
        request_id: 'request-0',
        body: expect.objectContaining({ choices: [expect.objectContaining({ text: ' Paris.' })] }),
      },
      error: null,
    });
  });

  it('decides where the path asks for it', async () => {
    const body = { input: 'A rose.', questions: [{ type: 'predicate', instructions: 'It is red.' }] };
    const { saved } = await answer(
      [JSON.stringify({ custom_id: 'one', method: 'POST', url: '/v1/decisions', body })],
      new FakeEngine('', { contextSize: 512 }),
      { chatTemplate: toTemplate("{% for m in messages %}{{ m['content'] }}{% endfor %}:") },
    );

    expect(saved.get(0)?.response).toMatchObject({
      status_code: 200,
      body: { answers: [{ type: 'predicate', name: null, probability: expect.any(Number) }] },
    });
  });

  it('returns a response, unless the deadline ends it', async () => {
    const line = JSON.stringify({
      custom_id: 'one',
      method: 'POST',
      url: '/v1/responses',
      body: { input: 'Hi' },
    });
    const { chatMl: chatTemplate } = templates;
    const whole = await answer([line], new FakeEngine(), { chatTemplate });
    const cut = await answer([line], new FakeEngine(' x', { summary: { deadline: true } }), { chatTemplate });

    expect(whole.saved.get(0)?.response).toMatchObject({ status_code: 200, body: { object: 'response' } });
    expect(cut.saved.get(0)).toMatchObject({ response: null, error: { code: 'deadline_exceeded' } });
  });

  it.each([
    ['/api/chat', { messages: [{ role: 'user', content: 'Hi' }] }, { message: { content: 'Paris.' } }],
    ['/api/chat', { messages: [{ role: 'user', content: 'Hi' }], stream: null }, { done: true }],
    ['/api/generate', { prompt: 'Hi' }, { response: 'Paris.' }],
    ['/v1/messages', { messages: [{ role: 'user', content: 'Hi' }] }, { type: 'message' }],
  ])('returns a whole answer of %s for %j', async (url, body, expected) => {
    const line = JSON.stringify({ custom_id: 'one', method: 'POST', url, body });
    const { saved } = await answer([line], new FakeEngine('Paris.'), { chatTemplate: templates.chatMl });

    expect(saved.get(0)?.response).toMatchObject({ status_code: 200, body: expected });
  });

  it('gives invalid lines an error and answers the others', async () => {
    const lines = [
      '{',
      toLine('two', { prompt: 7 }),
      toLine('three').replace('/v1/completions', '/v1/nothing'),
      toLine('four'),
    ];
    const { saved } = await answer(lines, new FakeEngine());

    expect(
      [...saved.values()].map(({ custom_id, response, error }) => [
        custom_id,
        response?.status_code,
        error?.code,
      ]),
    ).toEqual([
      [null, undefined, 'invalid_json'],
      ['two', 400, undefined],
      ['three', 404, undefined],
      ['four', 200, undefined],
    ]);
  });

  it('logs an unexpected error and hides it from the result', async () => {
    const { saved, logged } = await answer([toLine('one')], new BrokenEngine());

    expect(saved.get(0)?.response).toMatchObject({
      status_code: 500,
      body: { error: { code: 'server_error' } },
    });
    expect(JSON.stringify(saved.get(0))).not.toContain('on fire');
    expect(String(logged[0])).toContain('on fire');
  });

  it('answers as many lines in parallel as the engine has slots', async () => {
    const engine = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });
    const { saved } = await answer(
      Array.from({ length: 9 }, (_, index) => toLine(`line-${index}`)),
      engine,
    );

    expect(saved.size).toBe(9);
    expect(engine.mostOpen).toBe(3);
  });
});

describe('answerLines, when time runs out', () => {
  it('does not start lines that might not finish in time', async () => {
    const engine = new FakeEngine();
    let remaining = 1;
    const { saved, unfinished } = await answer(
      ['one', 'two', 'three'].map((id) => toLine(id)),
      engine,
      {
        remainingMs: () => remaining,
        onSave: () => {
          remaining = -1;
        },
      },
    );

    expect([...saved.keys()]).toEqual([0]);
    expect(unfinished).toEqual([1, 2]);
    expect(engine.requests).toHaveLength(1);
  });

  it('fails a line that hits the deadline when it is answered alone and first', async () => {
    const engine = new FakeEngine(' x', { summary: { deadline: true } });
    const { saved, unfinished } = await answer([toLine('one'), toLine('two')], engine);

    expect(saved.get(0)).toMatchObject({
      id: 'batch_req_request-0',
      custom_id: 'one',
      response: null,
      error: { code: 'deadline_exceeded' },
    });
    expect(unfinished).toEqual([1]);
  });

  it.each([
    ['/v1/messages', { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 8 }],
    ['/api/chat', { messages: [{ role: 'user', content: 'Hi' }] }],
    ['/api/generate', { prompt: 'Hi' }],
    ['/v1/responses', { input: 'Hi' }],
    ['/completion', { prompt: ['Hi', 'Ho'] }],
    ['/v1/completions', { prompt: 'Hi', n: 2 }],
  ])('leaves a line of %s unfinished that hits the deadline', async (url, body) => {
    const engine = new FakeEngine(' x', { slots: 2, summary: { deadline: true, finishReason: 'length' } });
    const generated = vi.fn();
    const metrics = { generated, answered: () => {}, broken: () => {} };
    const line = JSON.stringify({ custom_id: 'one', method: 'POST', url, body });
    const { saved, unfinished } = await answer([line], engine, {
      chatTemplate: templates.chatMl,
      toContext: () => toContext({ metrics }),
    });

    expect({ saved: saved.size, unfinished }).toEqual({ saved: 0, unfinished: [0] });
    expect(generated).toHaveBeenCalledTimes(engine.requests.length);
  });

  it('leaves lines unfinished that hit the deadline while answered in parallel', async () => {
    const engine = new FakeEngine(' x', { slots: 2, summary: { deadline: true } });
    const lines = ['one', 'two', 'three'].map((id) => toLine(id));
    const together = await answer(lines, engine);
    const alone = await answer(lines, engine, { alone: true });

    expect(together).toMatchObject({ saved: new Map(), unfinished: [0, 1, 2] });
    expect([...alone.saved.keys()]).toEqual([0]);
    expect(engine.mostOpen).toBe(2);
  });

  it('leaves a line unfinished whose embeddings hit the deadline', async () => {
    const embedder = new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: false });
    embedder.isEndless = true;
    const lines = ['one', 'two'].map((custom_id) =>
      JSON.stringify({ custom_id, method: 'POST', url: '/v1/embeddings', body: { input: 'text' } }),
    );
    const { saved, unfinished, logged } = await answer(lines, new FakeEngine(' x', { slots: 2 }), {
      embedder,
      remainingMs: () => 0,
      toContext: ({ number }) => toContext({ id: `request-${number}`, endBy: performance.now() + 20 }),
    });

    expect({ saved: saved.size, unfinished, logged }).toEqual({ saved: 0, unfinished: [0, 1], logged: [] });
  });

  it('leaves a line unfinished that finds no free slot', async () => {
    const engine = new FakeEngine(' x', {
      slots: 2,
      beforeEvent: (generation) => {
        if (generation === 0) throw new EngineBusyError(64);
      },
    });
    const { saved, unfinished } = await answer([toLine('one'), toLine('two')], engine);

    expect([...saved.keys()]).toEqual([1]);
    expect(unfinished).toEqual([0]);
  });

  it('starts no line when mayStart returns false', async () => {
    const engine = new FakeEngine();
    const { saved, unfinished } = await answer([toLine('one')], engine, { mayStart: () => false });

    expect({ saved: saved.size, unfinished }).toEqual({ saved: 0, unfinished: [0] });
    expect(engine.requests).toHaveLength(0);
  });

  it('answers at least one line even without time, so that retries end', async () => {
    const engine = new FakeEngine();
    const { saved, unfinished } = await answer([toLine('one'), toLine('two')], engine, {
      remainingMs: () => -1,
    });

    expect([...saved.keys()]).toEqual([0]);
    expect(unfinished).toEqual([1]);
  });
});

describe('answerLines, when a result cannot be saved', () => {
  it('rejects after the lines in progress and starts no others', async () => {
    const engine = new FakeEngine(' x', { slots: 2 });
    const onSave = () => {
      throw new Error('The bucket is gone.');
    };

    await expect(
      answer(
        ['one', 'two', 'three'].map((id) => toLine(id)),
        engine,
        { onSave },
      ),
    ).rejects.toThrow('The bucket is gone.');
    expect(engine.open).toBe(0);
    expect(engine.requests.length).toBeLessThan(3);
  });
});

describe('answerLines, when it is aborted', () => {
  it('aborts the line in progress and saves no result', async () => {
    const interruption = new AbortController();
    const { signal } = interruption;
    const engine = new FakeEngine(' x', { beforeEvent: () => interruption.abort(new Error('Enough.')) });

    await expect(
      answer([toLine('one'), toLine('two')], engine, {
        signal,
        toContext: () => toContext({ signal }),
      }),
    ).rejects.toThrow('Enough.');
    expect(engine.requests).toHaveLength(1);
  });
});

describe('answerLines, with a line that has crashed an environment', () => {
  it('fails that line and answers the others', async () => {
    const engine = new FakeEngine();
    const { saved } = await answer([toLine('one'), toLine('two')], engine, {
      tryStart: async ({ number }) => number !== 0,
    });

    expect(saved.get(0)).toMatchObject({ custom_id: 'one', error: { code: 'environment_ended' } });
    expect(saved.get(1)?.response?.status_code).toBe(200);
    expect(engine.requests).toHaveLength(1);
  });
});

describe('answerLines, of a service with an API key', () => {
  it('does not check the key', async () => {
    const { options } = toOptions();
    const apiKey = { current: async () => ['secret'], latest: async () => ['secret'] };
    const statuses: (number | undefined)[] = [];
    await answerLines(
      toNumbered([toLine('one')]),
      { ...toService(), apiKey },
      {
        ...options,
        save: async (_, { response }) => void statuses.push(response?.status_code),
      },
    );

    expect(statuses).toEqual([200]);
  });
});
