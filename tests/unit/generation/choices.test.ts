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
      repeatLastTokens: 64,
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

describe('generateChoices', () => {
  it.each([
    [1, 1],
    [3, 3],
    [8, 5],
  ])('runs as many generations at once as there are slots: %i', async (slots, most) => {
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

  it('interleaves the events of generations that run at once', async () => {
    const events = await Array.fromAsync(run(new FakeEngine('abc', { slots: 2 }), 2));

    expect(events.map(({ index }) => index)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('yields no events without requests', async () => {
    expect(await Array.fromAsync(run(new FakeEngine(), 0))).toEqual([]);
  });

  it('ends all generations when the iteration ends', async () => {
    const engine = new FakeEngine('abc', { slots: 2 });
    for await (const _ of run(engine, 5)) break;

    expect(engine.open).toBe(0);
    expect(engine.requests).toHaveLength(2);
  });
});

describe('generateChoices, when a generation fails', () => {
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
  ])('ends all generations: number %i fails before its event %i', async (generation, event) => {
    const engine = new FakeEngine('abc', failing(generation, event));

    await expect(Array.fromAsync(run(engine, 5))).rejects.toBe(failure);
    expect(engine.open).toBe(0);
  });

  it('ends all generations when every one of them fails', async () => {
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
    ['an invalid grammar', new GrammarError('bad'), { code: 'invalid_value', param: 'grammar', status: 400 }],
    [
      'a full queue',
      new EngineBusyError(64),
      { code: 'server_busy', status: 429, headers: { 'retry-after': '1' } },
    ],
  ])('answers %s with its own status', async (_, error, expected) => {
    for (const ask of [askWhole, askStreamed]) {
      const engine = new FakeEngine('abc', failing(1, 0, error));
      await expect(ask({ prompt: 'Hi', n: 3, grammar: 'root ::= "a"' }, engine)).rejects.toMatchObject(
        expected,
      );
      expect(engine.open).toBe(0);
    }
  });

  it.each([
    [{ guided_grammar: 'root ::= "a"' }, 'guided_grammar'],
    [{ structured_outputs: { grammar: 'root ::= "a"' } }, 'structured_outputs.grammar'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ guided_choice: ['a'] }, 'guided_choice'],
  ])('names the field that the grammar of %j is made of', async (fields, param) => {
    for (const ask of [askWhole, askStreamed]) {
      const engine = new FakeEngine('abc', failing(0, 0, new GrammarError('bad')));
      await expect(ask({ prompt: 'Hi', ...fields }, engine)).rejects.toMatchObject({
        code: 'invalid_value',
        message: 'bad',
        param,
      });
    }
  });
});

describe('generateChoices, when the client disconnects', () => {
  const reason = new Error('disconnected');

  /** Every step that a generation can be at when the signal is aborted. */
  const steps = [0, 1, 2].flatMap((generation) => [0, 1, 3].map((event) => [generation, event] as const));

  it.each(steps)(
    'ends all generations while generation %i is before its event %i',
    async (generation, event) => {
      const client = new AbortController();
      const engine = new FakeEngine('abc', {
        slots: 2,
        beforeEvent: (at, number) => {
          if (at === generation && number === event) client.abort(reason);
        },
      });

      await expect(Array.fromAsync(run(engine, 3, client.signal))).rejects.toBe(reason);
      expect(engine.open).toBe(0);
    },
  );

  it('starts nothing after the client has disconnected', async () => {
    const engine = new FakeEngine('abc');

    await expect(Array.fromAsync(run(engine, 3, AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(engine.open).toBe(0);
  });

  it('frees the slots though nobody reads the events', async () => {
    const client = new AbortController();
    const engine = new FakeEngine('abc', { slots: 2 });
    const events = run(engine, 5, client.signal);
    await events.next();
    client.abort(reason);
    await setImmediate();

    expect(engine.open).toBe(0);
    await expect(Array.fromAsync(events)).rejects.toBe(reason);
    expect(engine.requests).toHaveLength(2);
  });

  it('ends a generation that is waiting for the engine', async () => {
    const client = new AbortController();
    const hanging = Promise.withResolvers<void>();
    const engine = new FakeEngine('abc', {
      slots: 2,
      beforeEvent: (generation, _, signal) => {
        if (generation !== 1) return undefined;
        signal?.addEventListener('abort', () => hanging.reject(signal.reason));
        return hanging.promise;
      },
    });
    const events = run(engine, 3, client.signal);
    await events.next();
    client.abort(reason);

    await expect(Array.fromAsync(events)).rejects.toBe(reason);
    expect(engine.open).toBe(0);
  });

  it('ends the generations of a stream that was never read', async () => {
    const client = new AbortController();
    const engine = new FakeEngine('abc', { slots: 2 });
    const body = { prompt: 'Hi', n: 4, stream: true };
    const chunks = await complete(body, { engine, model }, toContext({ signal: client.signal }));
    client.abort(reason);
    await (chunks as AsyncGenerator<CompletionChunk>).return(undefined);
    await setImmediate();

    expect(engine.open).toBe(0);
  });
});

describe('generateChoices, when a generation fails to end', () => {
  class FailsToEnd extends FakeEngine {
    override async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
      try {
        yield* super.generate(request);
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the test is about this failure
        throw new Error('not cleaned up');
      }
    }
  }

  it('rejects with the first failure', async () => {
    const failure = new Error('first');
    class LastOneFails extends FailsToEnd {
      #begun = 0;

      override generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
        this.#begun += 1;
        return this.#begun === this.slots ? failWith(failure) : super.generate(request);
      }
    }
    const engine = new LastOneFails('abc', { slots: 3 });

    await expect(Array.fromAsync(run(engine, 3))).rejects.toBe(failure);
    expect(engine.open).toBe(0);
  });

  it('leaves no rejection unhandled when the client disconnects', async () => {
    const client = new AbortController();
    const reason = new Error('disconnected');
    const events = run(new FailsToEnd('abc', { slots: 2 }), 2, client.signal);
    await events.next();
    client.abort(reason);
    await setImmediate();

    await expect(Array.fromAsync(events)).rejects.toBe(reason);
  });
});

// biome-ignore lint/correctness/useYield: it fails before the first event
async function* failWith(failure: Error): AsyncGenerator<GenerationEvent, void, void> {
  throw failure;
}
