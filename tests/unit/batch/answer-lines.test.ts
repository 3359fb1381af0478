import { describe, expect, it } from 'vitest';
import { type AnswerLinesOptions, answerLines } from '../../../src/batch/answer-lines.ts';
import type { BatchResult } from '../../../src/batch/batch-result.ts';
import { EngineBusyError } from '../../../src/engine/engine.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { toContext } from '../api/fake-service.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { toLine, toNumbered, toOptions, toService } from './requests.ts';

/** Answers lines; returns what was kept and what was handed back. */
async function answer(
  lines: readonly string[],
  engine: FakeEngine,
  overrides: Partial<Omit<AnswerLinesOptions, 'keep'>> & {
    keep?: (number: number) => void;
    embedder?: FakeEmbedder;
  } = {},
) {
  const { keep, embedder, ...others } = overrides;
  const { options, logged } = toOptions(others);
  const kept = new Map<number, BatchResult>();
  const { handedBack } = await answerLines(
    toNumbered(lines),
    { ...toService(engine), embedder },
    {
      ...options,
      keep: async ({ number }, result) => {
        keep?.(number);
        kept.set(number, result);
      },
    },
  );
  return { kept, handedBack: handedBack.map(({ number }) => number), logged };
}

describe('lines', () => {
  it('are answered as the path answers', async () => {
    const { kept, handedBack } = await answer([toLine('one')], new FakeEngine(' Paris.'));

    expect(handedBack).toEqual([]);
    expect(kept.get(0)).toEqual({
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

  it('that are wrong fail alone', async () => {
    const lines = [
      '{',
      toLine('two', { prompt: 7 }),
      toLine('three').replace('/v1/completions', '/v1/nothing'),
      toLine('four'),
    ];
    const { kept } = await answer(lines, new FakeEngine());

    expect(
      [...kept.values()].map(({ custom_id, response, error }) => [
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

  it('that fail in an unknown way say nothing of it, and the log has it', async () => {
    const { kept, logged } = await answer([toLine('one')], new BrokenEngine());

    expect(kept.get(0)?.response).toMatchObject({
      status_code: 500,
      body: { error: { code: 'server_error' } },
    });
    expect(JSON.stringify(kept.get(0))).not.toContain('on fire');
    expect(String(logged[0])).toContain('on fire');
  });

  it('run as many at once as there are slots', async () => {
    const engine = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });
    const { kept } = await answer(
      Array.from({ length: 9 }, (_, index) => toLine(`line-${index}`)),
      engine,
    );

    expect(kept.size).toBe(9);
    expect(engine.mostOpen).toBe(3);
  });
});

describe('when time runs out', () => {
  it('lines that may not be done in it are handed back unbegun', async () => {
    const engine = new FakeEngine();
    let remaining = 1;
    const { kept, handedBack } = await answer(
      ['one', 'two', 'three'].map((id) => toLine(id)),
      engine,
      {
        remainingMs: () => remaining,
        keep: () => {
          remaining = -1;
        },
      },
    );

    expect([...kept.keys()]).toEqual([0]);
    expect(handedBack).toEqual([1, 2]);
    expect(engine.requests).toHaveLength(1);
  });

  it('a line that was cut short alone, with all the time there is, fails', async () => {
    const engine = new FakeEngine(' x', { summary: { deadline: true } });
    const { kept, handedBack } = await answer([toLine('one'), toLine('two')], engine);

    expect(kept.get(0)).toMatchObject({
      id: 'batch_req_request-0',
      custom_id: 'one',
      response: null,
      error: { code: 'deadline_exceeded' },
    });
    expect(handedBack).toEqual([1]);
  });

  it('a line that was cut short beside others is handed back', async () => {
    const engine = new FakeEngine(' x', { slots: 2, summary: { deadline: true } });
    const lines = ['one', 'two', 'three'].map((id) => toLine(id));
    const together = await answer(lines, engine);
    const alone = await answer(lines, engine, { alone: true });

    expect(together).toMatchObject({ kept: new Map(), handedBack: [0, 1, 2] });
    expect([...alone.kept.keys()]).toEqual([0]);
    expect(engine.mostOpen).toBe(2);
  });

  it('a line whose vectors are not made in time is handed back', async () => {
    const embedder = new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: false });
    embedder.isEndless = true;
    const lines = ['one', 'two'].map((custom_id) =>
      JSON.stringify({ custom_id, method: 'POST', url: '/v1/embeddings', body: { input: 'text' } }),
    );
    const { kept, handedBack, logged } = await answer(lines, new FakeEngine(' x', { slots: 2 }), {
      embedder,
      remainingMs: () => 0,
      toContext: ({ number }) => toContext({ id: `request-${number}`, endBy: performance.now() + 20 }),
    });

    expect({ kept: kept.size, handedBack, logged }).toEqual({ kept: 0, handedBack: [0, 1], logged: [] });
  });

  it('a line that found no slot is handed back', async () => {
    const engine = new FakeEngine(' x', {
      slots: 2,
      beforeEvent: (generation) => {
        if (generation === 0) throw new EngineBusyError(64);
      },
    });
    const { kept, handedBack } = await answer([toLine('one'), toLine('two')], engine);

    expect([...kept.keys()]).toEqual([1]);
    expect(handedBack).toEqual([0]);
  });

  it('no line is begun that may not be', async () => {
    const engine = new FakeEngine();
    const { kept, handedBack } = await answer([toLine('one')], engine, { mayBegin: () => false });

    expect({ kept: kept.size, handedBack }).toEqual({ kept: 0, handedBack: [0] });
    expect(engine.requests).toHaveLength(0);
  });

  it('at least one line is settled each time, so that there is an end', async () => {
    const engine = new FakeEngine();
    const { kept, handedBack } = await answer([toLine('one'), toLine('two')], engine, {
      remainingMs: () => -1,
    });

    expect([...kept.keys()]).toEqual([0]);
    expect(handedBack).toEqual([1]);
  });
});

describe('a result that cannot be kept', () => {
  it('ends the rest, after what is under way', async () => {
    const engine = new FakeEngine(' x', { slots: 2 });
    const keep = () => {
      throw new Error('The bucket is gone.');
    };

    await expect(
      answer(
        ['one', 'two', 'three'].map((id) => toLine(id)),
        engine,
        { keep },
      ),
    ).rejects.toThrow('The bucket is gone.');
    expect(engine.open).toBe(0);
    expect(engine.requests.length).toBeLessThan(3);
  });
});

describe('an interruption', () => {
  it('ends a line under way and keeps nothing of it', async () => {
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

describe('a line that has ended an environment', () => {
  it('fails, and the others are answered', async () => {
    const engine = new FakeEngine();
    const { kept } = await answer([toLine('one'), toLine('two')], engine, {
      begin: async ({ number }) => number !== 0,
    });

    expect(kept.get(0)).toMatchObject({ custom_id: 'one', error: { code: 'environment_ended' } });
    expect(kept.get(1)?.response?.status_code).toBe(200);
    expect(engine.requests).toHaveLength(1);
  });
});

describe('a key', () => {
  it('is not asked for', async () => {
    const { options } = toOptions();
    const apiKey = { current: async () => 'secret', latest: async () => 'secret' };
    const statuses: (number | undefined)[] = [];
    await answerLines(
      toNumbered([toLine('one')]),
      { ...toService(), apiKey },
      {
        ...options,
        keep: async (_, { response }) => void statuses.push(response?.status_code),
      },
    );

    expect(statuses).toEqual([200]);
  });
});
