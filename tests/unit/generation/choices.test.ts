import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CompletionChunk } from '../../../src/api/completions/completion.ts';
import { complete } from '../../../src/api/completions/completions.ts';
import {
  EngineBusyError,
  type GenerationEvent,
  type GenerationRequest,
  GrammarError,
} from '../../../src/engine/engine.ts';
import { generateChoices } from '../../../src/generation/choices.ts';
import { askStreamed, askWhole, model, toContext } from '../api/fake-service.ts';
import { FakeEngine, type FakeEngineOptions } from '../fake-engine.ts';

const { signal: never } = new AbortController();

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(async () => {
  await setImmediate();
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

function toRequests(count: number): GenerationRequest[] {
  const request = {
    prompt: [1],
    maxTokens: 4,
    stop: [],
    sampling: {
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      repeatPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: new Map(),
      ignoreEndOfGeneration: false,
      seed: 0,
    },
  };
  return Array.from({ length: count }, () => request);
}

function run(engine: FakeEngine, count: number, signal = never) {
  return generateChoices(toRequests(count), engine, { signal });
}

describe('several generations', () => {
  it.each([
    [1, 1],
    [3, 3],
    [8, 5],
  ])('run as many at once as there are slots: %i', async (slots, most) => {
    const engine = new FakeEngine('abc', { slots });
    const events = await Array.fromAsync(run(engine, 5));

    expect(engine).toMatchObject({ mostOpen: most, open: 0 });
    expect(
      events
        .filter(({ event }) => event.type === 'end')
        .map(({ index }) => index)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4]);
  });

  it('take turns: none waits for another that runs as well', async () => {
    const events = await Array.fromAsync(run(new FakeEngine('abc', { slots: 2 }), 2));

    expect(events.map(({ index }) => index)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('are none when none is asked for', async () => {
    expect(await Array.fromAsync(run(new FakeEngine(), 0))).toEqual([]);
  });

  it('end with the iteration', async () => {
    const engine = new FakeEngine('abc', { slots: 2 });
    for await (const _ of run(engine, 5)) break;

    expect(engine.open).toBe(0);
    expect(engine.requests).toHaveLength(2);
  });
});

describe('a generation that fails', () => {
  const failure = new Error('secret');
  const failing = (generation: number, event: number, error = failure): FakeEngineOptions => ({
    slots: 3,
    beforeEvent: (at, number) => {
      if (at === generation && number === event) throw error;
    },
  });

  it.each([
    [0, 0],
    [1, 0],
    [2, 2],
    [4, 1],
  ])('ends all, and leaves none open: the one at %i before its event %i', async (generation, event) => {
    const engine = new FakeEngine('abc', failing(generation, event));

    await expect(Array.fromAsync(run(engine, 5))).rejects.toBe(failure);
    expect(engine.open).toBe(0);
  });

  it('ends all when each fails', async () => {
    const engine = new FakeEngine('abc', {
      slots: 3,
      beforeEvent: () => {
        throw failure;
      },
    });

    await expect(Array.fromAsync(run(engine, 3))).rejects.toBe(failure);
    expect(engine.open).toBe(0);
  });

  it.each([
    [
      'llama.cpp refuses the grammar',
      new GrammarError('bad'),
      { code: 'invalid_value', param: 'grammar', status: 400 },
    ],
    [
      'too many wait',
      new EngineBusyError(64),
      { code: 'server_busy', status: 429, headers: { 'retry-after': '1' } },
    ],
  ])('because %s has a status of its own', async (_, error, expected) => {
    for (const ask of [askWhole, askStreamed]) {
      const engine = new FakeEngine('abc', failing(1, 0, error));
      await expect(ask({ prompt: 'Hi', n: 3, grammar: 'root ::= "a"' }, engine)).rejects.toMatchObject(
        expected,
      );
      expect(engine.open).toBe(0);
    }
  });
});

describe('a request whose client leaves', () => {
  const reason = new Error('left');

  /** Every place where a generation can be when the signal comes. */
  const places = [0, 1, 2].flatMap((generation) => [0, 1, 3].map((event) => [generation, event] as const));

  it.each(places)(
    'while the generation %i is before its event %i ends them all',
    async (generation, event) => {
      const leave = new AbortController();
      const engine = new FakeEngine('abc', {
        slots: 2,
        beforeEvent: (at, number) => {
          if (at === generation && number === event) leave.abort(reason);
        },
      });

      await expect(Array.fromAsync(run(engine, 3, leave.signal))).rejects.toBe(reason);
      expect(engine.open).toBe(0);
    },
  );

  it('before it began starts nothing', async () => {
    const engine = new FakeEngine('abc');

    await expect(Array.fromAsync(run(engine, 3, AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(engine.open).toBe(0);
  });

  it('while nobody reads frees its slots, and starts no more', async () => {
    const leave = new AbortController();
    const engine = new FakeEngine('abc', { slots: 2 });
    const events = run(engine, 5, leave.signal);
    await events.next();
    leave.abort(reason);
    await setImmediate();

    expect(engine.open).toBe(0);
    await expect(Array.fromAsync(events)).rejects.toBe(reason);
    expect(engine.requests).toHaveLength(2);
  });

  it('while one waits ends that as well', async () => {
    const leave = new AbortController();
    const hanging = Promise.withResolvers<void>();
    const engine = new FakeEngine('abc', {
      slots: 2,
      beforeEvent: (generation, _, signal) => {
        if (generation !== 1) return undefined;
        signal?.addEventListener('abort', () => hanging.reject(signal.reason));
        return hanging.promise;
      },
    });
    const events = run(engine, 3, leave.signal);
    await events.next();
    leave.abort(reason);

    await expect(Array.fromAsync(events)).rejects.toBe(reason);
    expect(engine.open).toBe(0);
  });

  it('leaves a stream that was never read without generations', async () => {
    const leave = new AbortController();
    const engine = new FakeEngine('abc', { slots: 2 });
    const body = { prompt: 'Hi', n: 4, stream: true };
    const chunks = await complete(body, { engine, model }, toContext({ signal: leave.signal }));
    leave.abort(reason);
    await (chunks as AsyncGenerator<CompletionChunk>).return(undefined);
    await setImmediate();

    expect(engine.open).toBe(0);
  });
});

describe('a generation that cannot be ended cleanly', () => {
  class Unclean extends FakeEngine {
    override async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
      try {
        yield* super.generate(request);
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what the test is about
        throw new Error('not cleaned up');
      }
    }
  }

  it('does not hide why the others had to end', async () => {
    const failure = new Error('first');
    class FailsLast extends Unclean {
      #begun = 0;

      override generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
        this.#begun += 1;
        return this.#begun === this.slots ? failWith(failure) : super.generate(request);
      }
    }
    const engine = new FailsLast('abc', { slots: 3 });

    await expect(Array.fromAsync(run(engine, 3))).rejects.toBe(failure);
    expect(engine.open).toBe(0);
  });

  it('rejects nothing that nobody handles when the client leaves', async () => {
    const leave = new AbortController();
    const reason = new Error('left');
    const events = run(new Unclean('abc', { slots: 2 }), 2, leave.signal);
    await events.next();
    leave.abort(reason);
    await setImmediate();

    await expect(Array.fromAsync(events)).rejects.toBe(reason);
  });
});

// biome-ignore lint/correctness/useYield: it fails before the first event
async function* failWith(failure: Error): AsyncGenerator<GenerationEvent, void, void> {
  throw failure;
}
