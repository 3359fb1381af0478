import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { toBatchKeys } from '../../../src/batch/batch-objects.ts';
import { joinBatch } from '../../../src/batch/files/join.ts';
import { definePipeline } from '../../../src/batch/files/pipeline.ts';
import { splitBatch, toChunks } from '../../../src/batch/files/split.ts';
import type { FileLine } from '../../../src/batch/lines.ts';
import { MemoryStore } from './memory-store.ts';
import { toLine } from './requests.ts';

const batch = 'tested';
const keys = toBatchKeys(batch);

function toResult(id: string, status: number): string {
  const response = { status_code: status, request_id: id, body: {} };
  return `${JSON.stringify({ id, custom_id: id, response, error: null })}\n`;
}

describe('splitBatch', () => {
  it('returns consecutive chunks with the duplicates in them', async () => {
    const input = `${toLine('a')}\n\n${toLine('b')}\n{\n${toLine('a')}\n${toLine('c')}`;
    const store = new MemoryStore().with(keys.input, input);

    expect(await splitBatch(batch, 2, store)).toEqual({ chunks: keys.chunks, lines: 5 });
    const chunks = JSON.parse(store.text(keys.chunks)) as { start: number; end: number }[];
    expect(chunks).toMatchObject([
      { first: 0, lines: 2 },
      { first: 2, lines: 2, duplicates: [3] },
      { first: 4, lines: 1 },
    ]);
    expect(chunks.map(({ start, end }) => input.slice(start, end).trim().split('\n').at(-1))).toEqual([
      toLine('b'),
      toLine('a'),
      toLine('c'),
    ]);
  });

  it('puts fewer long lines in a chunk', async () => {
    const megabytes = 6 * 1024 * 1024;
    async function* longLines(): AsyncGenerator<FileLine> {
      for (let at = 0; at < 5; at += 1) {
        yield { text: Buffer.from('{}'), start: at * megabytes, end: (at + 1) * megabytes };
      }
    }

    const chunks = await Array.fromAsync(toChunks(longLines(), 100));

    expect(chunks.map(({ lines }) => lines)).toEqual([2, 2, 1]);
  });

  it('rejects an input without lines', async () => {
    const store = new MemoryStore().with(keys.input, '\n \n');

    await expect(splitBatch(batch, 2, store)).rejects.toMatchObject({
      name: 'UnusableInputError',
      message: 'batches/tested/input.jsonl has no lines: it needs at least one request.',
    });
  });
});

describe('joinBatch', () => {
  it('writes the results to two files, in order', async () => {
    const store = new MemoryStore();
    for (let chunk = 39; chunk >= 0; chunk -= 1) {
      const text = toResult(`good-${chunk}`, 200) + toResult(`bad-${chunk}`, 400);
      store.with(keys.part({ first: chunk * 2, lines: 2, start: 0, end: 0 }), text);
    }

    expect(await joinBatch(batch, 80, store)).toEqual({
      output: keys.output,
      errors: keys.errors,
      answered: 40,
      failed: 40,
    });
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    expect(store.text(keys.output)).toBe(numbers.map((number) => toResult(`good-${number}`, 200)).join(''));
    expect(store.text(keys.errors)).toBe(numbers.map((number) => toResult(`bad-${number}`, 400)).join(''));
  });

  it('reads many parts at the same time, and a large part in pieces', async () => {
    const store = new MemoryStore();
    const large = toResult('x'.repeat(17 * 1024 * 1024), 200);
    for (let chunk = 0; chunk < 40; chunk += 1) {
      const text = chunk === 39 ? large : toResult(`good-${chunk}`, 200);
      store.with(keys.part({ first: chunk, lines: 1, start: 0, end: 0 }), text);
    }
    store.stream = async () => [Buffer.from(large)] as unknown as AsyncIterable<Uint8Array>;
    const { read } = store;
    let reads = 0;
    let mostReads = 0;
    store.read = async (key) => {
      mostReads = Math.max(mostReads, ++reads);
      await pause(1);
      reads -= 1;
      const bytes = await read.call(store, key);
      expect(bytes.length).toBeLessThan(1024);
      return bytes;
    };

    expect(await joinBatch(batch, 40, store)).toMatchObject({ answered: 40 });
    expect(mostReads).toBe(32);
    expect(store.text(keys.output).endsWith(large)).toBe(true);
  });

  it('writes no files while results are missing', async () => {
    const store = new MemoryStore().with(
      keys.part({ first: 0, lines: 1, start: 0, end: 0 }),
      toResult('a', 200),
    );

    await expect(joinBatch(batch, 2, store)).rejects.toMatchObject({
      name: 'MissingResultsError',
      message: 'Batch tested has 1 results for 2 lines.',
    });
    expect(store.objects.has(keys.output)).toBe(false);
  });
});

describe('the function batch-files', () => {
  it('counts the results of a chunk', async () => {
    const store = new MemoryStore();
    for (const [first, line] of [
      [0, 0],
      [10, 10],
      [10, 12],
    ] as const)
      store.with(keys.answer({ first, lines: 10, start: 0, end: 0 }, line), '{}');
    const handler = definePipeline(store);

    expect(await handler({ step: 'count', batch, first: 10 }, {} as never)).toEqual({ answered: 2 });
    expect(await handler({ step: 'count', batch, first: 20 }, {} as never)).toEqual({ answered: 0 });
  });

  it.each([
    { step: 'split', batch: '../elsewhere', linesPerChunk: 1 },
    { step: 'split', batch, linesPerChunk: 0 },
    { step: 'count', batch, first: -1 },
    { step: 'join', batch },
    { step: 'remove', batch },
  ])('rejects the event %o', async (event) => {
    const handler = definePipeline(new MemoryStore());

    await expect(handler(event as never, {} as never)).rejects.toThrow();
  });
});
