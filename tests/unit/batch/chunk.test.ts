import { describe, expect, it } from 'vitest';
import { type BatchChunk, toBatchKeys } from '../../../src/batch/batch-objects.ts';
import { answerChunk, type ChunkEvent } from '../../../src/batch/chunk.ts';
import { splitBatch } from '../../../src/batch/files/split.ts';
import { FakeEngine } from '../fake-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { toLine, toOptions, toService } from './requests.ts';

const batch = 'tested';
const keys = toBatchKeys(batch);

/** Creates a store with an input and its chunks. */
async function split(lines: readonly string[], linesPerChunk = 3) {
  const store = new MemoryStore().with(keys.input, lines.map((line) => `${line}\n`).join(''));
  await splitBatch(batch, linesPerChunk, store);
  const chunks = JSON.parse(store.text(keys.chunks)) as BatchChunk[];
  return { store, chunks, chunk: chunks[0] as BatchChunk };
}

/** Creates the event that is sent after environments have crashed, and a function for the keys of its markers. */
function toCareful(chunk: BatchChunk) {
  const carefulSince = '2026-11-25T00:00:00.000Z';
  return {
    event: { batch, chunk, carefulSince },
    marker: (line: number) => keys.started(carefulSince, line),
  };
}

/** Sends a chunk to an environment that hangs forever, as if crashed, on the nth line that it starts. */
async function crashOn(line: number, event: ChunkEvent, store: MemoryStore): Promise<void> {
  const crashed = Promise.withResolvers<void>();
  const engine = new FakeEngine(' x', {
    beforeEvent: (generation) => {
      if (generation !== line) return;
      crashed.resolve();
      return new Promise(() => {});
    },
  });
  void answerChunk(event, store, toService(engine), toOptions().options);
  await crashed.promise;
}

function codes(part: string): (string | undefined)[] {
  return part
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { error: { code: string } | null }).error?.code);
}

function ids(part: string): (string | null)[] {
  return part
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { custom_id: string | null }).custom_id);
}

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** Counts the bytes that have been read and not yet been written. */
function heldBytes(store: MemoryStore): { most: number } {
  const held = { now: 0, most: 0 };
  const { read, write } = store;
  store.read = async (...args) => {
    const bytes = await read.apply(store, args);
    held.now += bytes.length;
    held.most = Math.max(held.most, held.now);
    return bytes;
  };
  store.write = (key) => {
    const writer = write.call(store, key);
    return {
      ...writer,
      write: async (content) => {
        held.now -= content.length;
        await writer.write(content);
      },
    };
  };
  return held;
}

describe('answerChunk', () => {
  it('saves the results in one object, in order', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    const saved: number[] = [];

    const answer = await answerChunk({ batch, chunk }, store, toService(new FakeEngine(' x', { slots: 2 })), {
      ...toOptions().options,
      onSaved: (lines) => saved.push(lines),
    });

    expect(answer).toEqual({ remaining: 0, alone: false });
    expect(ids(store.text(keys.part(chunk)))).toEqual(['a', 'b', 'c']);
    expect(saved).toEqual([0, 1, 2, 3]);
  });

  it('does not answer a chunk again after it is complete', async () => {
    const { store, chunk } = await split([toLine('a')]);
    await answerChunk({ batch, chunk }, store, toService(), toOptions().options);
    const part = store.text(keys.part(chunk));
    const engine = new FakeEngine(' another');

    await answerChunk({ batch, chunk }, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(0);
    expect(store.text(keys.part(chunk))).toBe(part);
  });

  it('continues where a crashed environment stopped', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('It crashed.');
    };
    await expect(answerChunk({ batch, chunk }, store, toService(), toOptions().options)).rejects.toThrow(
      'It crashed.',
    );
    const first = store.text(keys.answer(chunk, 0));
    store.beforeCreate = () => {};
    const engine = new FakeEngine(' another');

    await answerChunk({ batch, chunk }, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(2);
    const part = store.text(keys.part(chunk));
    expect(ids(part)).toEqual(['a', 'b', 'c']);
    expect(part.split('\n')[0]).toBe(first);
  });

  it('has few results in memory, however many the chunk has', async () => {
    const { store, chunk } = await split(
      keysOf(40).map((id) => toLine(id)),
      40,
    );
    const text = 'x'.repeat(1024 * 1024);
    for (const line of keysOf(39).keys()) {
      const result = { id: '', custom_id: String(line), response: null, error: { code: '', message: text } };
      store.with(keys.answer(chunk, line), JSON.stringify(result));
    }
    const held = heldBytes(store);

    await answerChunk({ batch, chunk }, store, toService(), toOptions().options);

    expect(held.most).toBeLessThan(20 * 1024 * 1024);
    expect(ids(store.text(keys.part(chunk)))).toEqual(keysOf(40));
  });

  it('uses the result of another environment that was faster', async () => {
    const { store, chunk } = await split([toLine('a')]);
    const faster = JSON.stringify({ id: 'faster', custom_id: 'a', response: null, error: null });
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 0)) store.with(key, faster);
    };

    await answerChunk({ batch, chunk }, store, toService(), toOptions().options);

    expect(store.text(keys.part(chunk))).toBe(`${faster}\n`);
  });

  it('returns the number of remaining lines and answers them in the next events', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    const outOfTime = toOptions({ remainingMs: () => -1 }).options;

    expect(await answerChunk({ batch, chunk }, store, toService(), outOfTime)).toEqual({
      remaining: 2,
      alone: false,
    });
    expect(store.objects.has(keys.part(chunk))).toBe(false);
    expect(await answerChunk({ batch, chunk }, store, toService(), outOfTime)).toEqual({
      remaining: 1,
      alone: false,
    });
    expect(await answerChunk({ batch, chunk }, store, toService(), outOfTime)).toEqual({
      remaining: 0,
      alone: false,
    });
    expect(ids(store.text(keys.part(chunk)))).toEqual(['a', 'b', 'c']);
  });

  it('requests alone mode until the end of the chunk when no line finished in parallel', async () => {
    const { store, chunk } = await split(['a', 'b'].map((id) => toLine(id)));
    const { options } = toOptions();
    const engine = () => new FakeEngine(' x', { slots: 2, summary: { deadline: true } });

    const together = await answerChunk({ batch, chunk }, store, toService(engine()), options);
    const alone = await answerChunk({ batch, chunk, alone: true }, store, toService(engine()), options);

    expect(together).toEqual({ remaining: 2, alone: true });
    // The next invocation would waste its time on parallel lines again.
    expect(alone).toEqual({ remaining: 1, alone: true });
    expect(store.text(keys.answer(chunk, 0))).toContain('deadline_exceeded');
  });

  it('starts no line after endAt', async () => {
    const { store, chunk } = await split([toLine('a')]);
    const event = { batch, chunk, endAt: new Date(Date.now() - 1).toISOString() };

    expect(await answerChunk(event, store, toService(), toOptions().options)).toMatchObject({ remaining: 1 });
    expect(store.objects.has(keys.answer(chunk, 0))).toBe(false);
  });

  it('gives a line that repeats a custom_id an error', async () => {
    const { store, chunks } = await split(
      ['a', 'b', 'a', 'b', 'c'].map((id) => toLine(id)),
      3,
    );
    const engine = new FakeEngine();
    for (const chunk of chunks)
      await answerChunk({ batch, chunk }, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(3);
    expect(chunks.flatMap((chunk) => codes(store.text(keys.part(chunk))))).toEqual([
      undefined,
      undefined,
      'duplicate_custom_id',
      'duplicate_custom_id',
      undefined,
    ]);
  });

  it('rejects a chunk whose input has changed', async () => {
    const { store, chunk } = await split(['a', 'b'].map((id) => toLine(id)));
    store.with(keys.input, `${toLine('a')}${' '.repeat(500)}`);

    await expect(answerChunk({ batch, chunk }, store, toService(), toOptions().options)).rejects.toThrow(
      'has changed',
    );
  });
});

describe('answerChunk, after environments have crashed', () => {
  const lines = ['a', 'b', 'c'].map((id) => toLine(id));

  it('answers one line at a time', async () => {
    const { store, chunk } = await split(lines);
    const engine = new FakeEngine(' x', { slots: 2, beforeEvent: () => Promise.resolve() });

    await answerChunk(toCareful(chunk).event, store, toService(engine), toOptions().options);

    expect(engine.mostOpen).toBe(1);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, undefined, undefined]);
  });

  it('fails the line that crashes another environment', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    await crashOn(1, event, store);
    const engine = new FakeEngine();

    await answerChunk(event, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(1);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('fails that line in a later event when the result could not be saved at first', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    await crashOn(1, event, store);
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('Slow down.');
    };
    const second = answerChunk(event, store, toService(), toOptions().options);
    await expect(second).rejects.toThrow('Slow down.');
    store.beforeCreate = () => {};

    await answerChunk(event, store, toService(), toOptions().options);

    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('starts a line again whose result could not be saved', async () => {
    const { store, chunk } = await split(lines);
    const { event, marker } = toCareful(chunk);
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('Slow down.');
    };
    const first = answerChunk(event, store, toService(), toOptions().options);
    await expect(first).rejects.toThrow('Slow down.');
    store.beforeCreate = () => {};
    const before = store.text(marker(1));

    // The next environment crashes on the line, so its marker stays.
    await crashOn(0, event, store);
    await answerChunk(event, store, toService(), toOptions().options);

    expect(before).toBe('');
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('answers all lines when only saving them failed', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    for (const line of [0, 1, 2]) {
      store.beforeCreate = (key) => {
        if (key === keys.answer(chunk, line)) throw new Error('Slow down.');
      };
      const answer = answerChunk(event, store, toService(), toOptions().options);
      await expect(answer).rejects.toThrow('Slow down.');
    }
    store.beforeCreate = () => {};

    await answerChunk(event, store, toService(), toOptions().options);

    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, undefined, undefined]);
  });

  it('throws the error of saving a result even when releasing the markers fails', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('Slow down.');
    };
    store.beforePut = () => {
      throw new Error('Slower.');
    };
    const { options, logged } = toOptions();
    const answer = answerChunk(event, store, toService(), options);

    await expect(answer).rejects.toThrow('Slow down.');
    expect(logged.map(String)).toEqual(['Error: Slower.']);
    store.beforeCreate = () => {};
    store.beforePut = () => {};
    // The unreleased marker looks like that of a crash.
    await answerChunk(event, store, toService(), toOptions().options);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it.each([
    ['this invocation created before a retry', false],
    ['an earlier invocation created without a response', true],
  ])('starts a line whose marker %s', async (_, fails) => {
    const { store, chunk } = await split(lines);
    const { event, marker } = toCareful(chunk);
    // S3 creates the object, but its response is lost.
    store.beforeCreate = (key, body) => {
      if (key !== marker(1)) return;
      store.with(key, body);
      if (fails) throw new Error('No answer.');
    };
    const first = answerChunk(event, store, toService(), toOptions().options);
    if (fails) await expect(first).rejects.toThrow('No answer.');
    else await first;
    store.beforeCreate = () => {};

    await answerChunk(event, store, toService(), toOptions().options);

    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, undefined, undefined]);
  });

  it('starts unfinished lines again when its response was lost', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    const cutShort = new FakeEngine(' x', { summary: { deadline: true } });

    // The first line fails, because it had all the time there is; the others stay unfinished.
    const answer = await answerChunk(event, store, toService(cutShort), toOptions().options);
    await answerChunk(event, store, toService(), toOptions().options);

    expect(answer.remaining).toBe(2);
    expect(codes(store.text(keys.part(chunk)))).toEqual(['deadline_exceeded', undefined, undefined]);
  });
});
