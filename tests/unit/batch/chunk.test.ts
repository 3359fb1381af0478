import { describe, expect, it } from 'vitest';
import { answerChunk } from '../../../functions/batch/chunk.ts';
import { splitBatch } from '../../../functions/batch-files/split.ts';
import { type BatchChunk, toBatchKeys } from '../../../functions/shared/batch/batch-objects.ts';
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

  it('does without a line that its environments end with', async () => {
    const { store, chunk } = await split(['a', 'b', 'c'].map((id) => toLine(id)));
    const event = { batch, chunk, retries: 2, enteredAt: '2026-11-25T00:00:00.000Z' };
    // The environment ends with the second line: nothing of it is kept.
    store.beforeCreate = (key) => {
      if (key === keys.answer(chunk, 1)) throw new Error('It has ended.');
    };
    await expect(answerChunk(event, store, toService(), toOptions().options)).rejects.toThrow();
    store.beforeCreate = () => {};

    const engine = new FakeEngine();
    const again = { ...event, retries: 3 };
    expect(await answerChunk(again, store, toService(engine), toOptions().options)).toMatchObject({
      remaining: 0,
    });

    expect(engine.requests).toHaveLength(1);
    const results = store.text(keys.part(chunk)).trimEnd().split('\n');
    expect(
      results.map((line) => (JSON.parse(line) as { error: { code: string } | null }).error?.code),
    ).toEqual([undefined, 'environment_ended', undefined]);
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
    const results = chunks.flatMap((chunk) => store.text(keys.part(chunk)).trimEnd().split('\n'));
    expect(
      results.map((line) => (JSON.parse(line) as { error: { code: string } | null }).error?.code),
    ).toEqual([undefined, undefined, 'duplicate_custom_id', 'duplicate_custom_id', undefined]);
  });

  it('of an input that has changed is not answered', async () => {
    const { store, chunk } = await split(['a', 'b'].map((id) => toLine(id)));
    store.with(keys.input, `${toLine('a')}${' '.repeat(500)}`);

    await expect(answerChunk({ batch, chunk }, store, toService(), toOptions().options)).rejects.toThrow(
      'has changed',
    );
  });
});
