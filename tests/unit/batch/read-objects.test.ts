import { describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../src/batch/object-store.ts';
import { readObjects } from '../../../src/batch/read-objects.ts';
import { MemoryStore } from './memory-store.ts';

const megabyte = 1024 * 1024;

/** A store whose reads end when the test ends them. It has its keys as contents. */
class SlowStore extends MemoryStore {
  readonly started: string[] = [];
  readonly streamed: string[] = [];
  readonly #reads = new Map<string, PromiseWithResolvers<void>>();

  override async read(key: string): Promise<Uint8Array> {
    this.started.push(key);
    await this.#gate(key).promise;
    return Buffer.from(key);
  }

  override async stream(key: string): Promise<AsyncIterable<Uint8Array>> {
    this.streamed.push(key);
    return super.stream(key);
  }

  end(...keys: string[]): void {
    for (const key of keys) this.#gate(key).resolve();
  }

  fail(key: string, error: Error): void {
    this.#gate(key).reject(error);
  }

  #gate(key: string): PromiseWithResolvers<void> {
    const gate = this.#reads.get(key) ?? Promise.withResolvers<void>();
    gate.promise.catch(() => {});
    this.#reads.set(key, gate);
    return gate;
  }
}

async function* toObjects(sizes: readonly number[]): AsyncGenerator<StoredObject> {
  for (const [index, size] of sizes.entries()) yield { key: String(index), size };
}

type Contents = ReturnType<typeof readObjects>;

/** Reads the next object in its pieces. */
async function next(contents: Contents): Promise<string[]> {
  const pieces = await Array.fromAsync((await contents.next()).value ?? []);
  return pieces.map((piece) => Buffer.from(piece).toString());
}

const keys = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe('readObjects', () => {
  it('keeps 32 reads in progress, and yields the contents in order', async () => {
    const store = new SlowStore();
    const contents = readObjects(store, toObjects(keys(40).map(() => 1)));
    store.end('1', '0');

    expect(await next(contents)).toEqual(['0']);
    expect(store.started).toEqual(keys(32));
    // The 33rd begins in the place of the first, although most others are still in progress.
    expect(await next(contents)).toEqual(['1']);
    expect(store.started).toEqual(keys(33));
    store.end(...keys(40));
    for (const key of keys(40).slice(2)) expect(await next(contents)).toEqual([key]);
    expect(await contents.next()).toEqual({ done: true, value: undefined });
  });

  it('reads at most 16 MiB ahead', async () => {
    const store = new SlowStore();
    const contents = readObjects(store, toObjects([7, 7, 7, 7].map((size) => size * megabyte)));
    store.end(...keys(4));

    await next(contents);
    expect(store.started).toEqual(keys(2));
    await next(contents);
    expect(store.started).toEqual(keys(3));
  });

  it('reads an object of more than 16 MiB in pieces, after the objects before it', async () => {
    const store = new SlowStore().with('1', 'a large object');
    const contents = readObjects(store, toObjects([1, 17 * megabyte, 1]));
    store.end('0', '2');

    expect(await next(contents)).toEqual(['0']);
    expect(store.streamed).toEqual([]);
    expect(await next(contents)).toEqual(['a large', ' object']);
    expect(await next(contents)).toEqual(['2']);
    expect(store.started).toEqual(['0', '2']);
  });

  it('throws the error of a read in its turn', async () => {
    const store = new SlowStore();
    const contents = readObjects(store, toObjects([1, 1]));
    store.fail('1', new Error('Slow down.'));
    store.end('0');

    expect(await next(contents)).toEqual(['0']);
    await expect(contents.next()).rejects.toThrow('Slow down.');
  });
});
