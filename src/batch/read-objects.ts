// Reads many objects in order. The next ones are read ahead, up to a number of objects and of bytes.
import type { ObjectStore, StoredObject } from './object-store.ts';

/** Objects that are read ahead. S3 answers a request in 30 to 100 ms: one at a time, 100,000 objects would take hours. */
const maxReads = 32;

/** Bytes that are read ahead. A larger object is read in pieces. */
const maxBytes = 16 * 1024 * 1024;

/** Yields the content of each object, as its pieces. A content must be read before the next one is requested. */
export async function* readObjects(
  store: ObjectStore,
  objects: AsyncIterable<StoredObject>,
): AsyncGenerator<Iterable<Uint8Array> | AsyncIterable<Uint8Array>, void, void> {
  const reads: { readonly size: number; readonly bytes: Promise<Uint8Array> }[] = [];
  let pending = 0;
  async function* takeWhile(isFull: () => boolean) {
    for (let read = reads[0]; read !== undefined && isFull(); read = reads[0]) {
      yield [await read.bytes];
      reads.shift();
      pending -= read.size;
    }
  }
  for await (const { key, size } of objects) {
    yield* takeWhile(() => reads.length === maxReads || pending + size > maxBytes);
    if (size > maxBytes) {
      yield await store.stream(key);
      continue;
    }
    const bytes = store.read(key);
    // Its error is thrown in its turn, or never when an earlier one is thrown.
    bytes.catch(() => {});
    reads.push({ size, bytes });
    pending += size;
  }
  yield* takeWhile(() => true);
}
