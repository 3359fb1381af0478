import { describe, expect, it } from 'vitest';
import { type BatchChunk, toBatchKeys } from '../../../src/batch/batch-objects.ts';
import { answerChunk, type ChunkEvent } from '../../../src/batch/chunk.ts';
import { splitBatch } from '../../../src/batch/files/split.ts';
import { FakeEngine } from '../fake-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { toLine, toOptions, toService } from './requests.ts';

const batch = 'tested';
const keys = toBatchKeys(batch);

/** A store with an input, and its chunks. */
async function split(lines: readonly string[], linesPerChunk = 3) {
  const store = new MemoryStore().with(keys.input, lines.map((line) => `${line}\n`).join(''));
  await splitBatch(batch, linesPerChunk, store);
  const chunks = JSON.parse(store.text(keys.chunks)) as BatchChunk[];
  return { store, chunks, chunk: chunks[0] as BatchChunk };
}

/** The chunk as it is sent when environments have died of it, and the markers of its lines. */
function toCareful(chunk: BatchChunk) {
  const carefulSince = '2026-11-25T00:00:00.000Z';
  return {
    event: { batch, chunk, carefulSince },
    marker: (line: number) => keys.begun(carefulSince, line),
  };
}

/** Sends a chunk to an environment that dies of its line of that number, counted from those it begins with. */
async function dieOf(line: number, event: ChunkEvent, store: MemoryStore): Promise<void> {
  const dead = Promise.withResolvers<void>();
  const engine = new FakeEngine(' x', {
    beforeEvent: (generation) => {
      if (generation !== line) return;
      dead.resolve();
      return new Promise(() => {});
    },
  });
  void answerChunk(event, store, toService(engine), toOptions().options);
  await dead.promise;
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

describe('a chunk', () => {
  it('is answered into one object, in order', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    const kept: number[] = [];

    const answer = await answerChunk({ batch, chunk }, store, toService(new FakeEngine(' x', { slots: 2 })), {
      ...toOptions().options,
      onKept: (lines) => kept.push(lines),
    });

    expect(answer).toEqual({ remaining: 0, alone: false });
    expect(ids(store.text(keys.part(chunk)))).toEqual(['a', 'b', 'c']);
    expect(kept).toEqual([0, 1, 2, 3]);
  });

  it('that is sent again is not answered again', async () => {
    const { store, chunk } = await split([toLine('a')]);
    await answerChunk({ batch, chunk }, store, toService(), toOptions().options);
    const part = store.text(keys.part(chunk));
    const engine = new FakeEngine(' another');

    await answerChunk({ batch, chunk }, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(0);
    expect(store.text(keys.part(chunk))).toBe(part);
  });

  it('goes on where an environment that died has left it', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('It died.');
    };
    await expect(answerChunk({ batch, chunk }, store, toService(), toOptions().options)).rejects.toThrow(
      'It died.',
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

  it('takes the result of another environment that was faster', async () => {
    const { store, chunk } = await split([toLine('a')]);
    const faster = JSON.stringify({ id: 'faster', custom_id: 'a', response: null, error: null });
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 0)) store.with(key, faster);
    };

    await answerChunk({ batch, chunk }, store, toService(), toOptions().options);

    expect(store.text(keys.part(chunk))).toBe(`${faster}\n`);
  });

  it('tells how many lines there was no time for, and answers them when it is sent again', async () => {
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

  it('asks for its lines to be answered alone when none of them got done together', async () => {
    const { store, chunk } = await split(['a', 'b'].map((id) => toLine(id)));
    const { options } = toOptions();
    const engine = () => new FakeEngine(' x', { slots: 2, summary: { deadline: true } });

    const together = await answerChunk({ batch, chunk }, store, toService(engine()), options);
    const alone = await answerChunk({ batch, chunk, alone: true }, store, toService(engine()), options);

    expect(together).toEqual({ remaining: 2, alone: true });
    expect(alone).toEqual({ remaining: 1, alone: false });
    expect(store.text(keys.answer(chunk, 0))).toContain('deadline_exceeded');
  });

  it('is not begun after its end', async () => {
    const { store, chunk } = await split([toLine('a')]);
    const event = { batch, chunk, endAt: new Date(Date.now() - 1).toISOString() };

    expect(await answerChunk(event, store, toService(), toOptions().options)).toMatchObject({ remaining: 1 });
    expect(store.objects.has(keys.answer(chunk, 0))).toBe(false);
  });

  it('has a result for each line, those with an id of an earlier line too', async () => {
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

  it('of an input that has changed is not answered', async () => {
    const { store, chunk } = await split(['a', 'b'].map((id) => toLine(id)));
    store.with(keys.input, `${toLine('a')}${' '.repeat(500)}`);

    await expect(answerChunk({ batch, chunk }, store, toService(), toOptions().options)).rejects.toThrow(
      'has changed',
    );
  });
});

describe('a chunk that environments died of', () => {
  const lines = ['a', 'b', 'c'].map((id) => toLine(id));

  it('is answered line by line', async () => {
    const { store, chunk } = await split(lines);
    const engine = new FakeEngine(' x', { slots: 2, beforeEvent: () => Promise.resolve() });

    await answerChunk(toCareful(chunk).event, store, toService(engine), toOptions().options);

    expect(engine.mostOpen).toBe(1);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, undefined, undefined]);
  });

  it('does without the line that another one dies of', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    await dieOf(1, event, store);
    const engine = new FakeEngine();

    await answerChunk(event, store, toService(engine), toOptions().options);

    expect(engine.requests).toHaveLength(1);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('does so too when that could not be kept at first', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    await dieOf(1, event, store);
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('Slow down.');
    };
    const second = answerChunk(event, store, toService(), toOptions().options);
    await expect(second).rejects.toThrow('Slow down.');
    store.beforeCreate = () => {};

    await answerChunk(event, store, toService(), toOptions().options);

    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('begins again with a line whose result an environment that lives could not keep', async () => {
    const { store, chunk } = await split(lines);
    const { event, marker } = toCareful(chunk);
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('Slow down.');
    };
    const first = answerChunk(event, store, toService(), toOptions().options);
    await expect(first).rejects.toThrow('Slow down.');
    store.beforeCreate = () => {};
    const before = store.text(marker(1));

    // The next one dies of it, and that counts.
    await dieOf(0, event, store);
    await answerChunk(event, store, toService(), toOptions().options);

    expect(before).toBe('');
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it('answers all lines when nothing but keeping them failed', async () => {
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

  it('says why it failed, whatever else fails after that', async () => {
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
    // Nothing tells the line now from one that it died of.
    await answerChunk(event, store, toService(), toOptions().options);
    expect(codes(store.text(keys.part(chunk)))).toEqual([undefined, 'environment_ended', undefined]);
  });

  it.each([
    ['of itself', false],
    ['of an invocation that failed to hear of it', true],
  ])('begins with a line whose marker is there already, %s', async (_, fails) => {
    const { store, chunk } = await split(lines);
    const { event, marker } = toCareful(chunk);
    // S3 takes what its client then sends again.
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

  it('begins again with lines that it handed back, though its answer was lost', async () => {
    const { store, chunk } = await split(lines);
    const { event } = toCareful(chunk);
    const cutShort = new FakeEngine(' x', { summary: { deadline: true } });

    // The first line fails, having had all the time there is; the others are handed back.
    const answer = await answerChunk(event, store, toService(cutShort), toOptions().options);
    await answerChunk(event, store, toService(), toOptions().options);

    expect(answer.remaining).toBe(2);
    expect(codes(store.text(keys.part(chunk)))).toEqual(['deadline_exceeded', undefined, undefined]);
  });
});
