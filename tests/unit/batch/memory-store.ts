// An object store in memory.
import type { ObjectStore, ObjectWriter, StoredObject } from '../../../src/batch/object-store.ts';

export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, { body: string; metadata: Readonly<Record<string, string>> }>();
  /** Called before an object is created. The creation fails when this throws. */
  beforeCreate: (key: string, body: string) => unknown = () => {};
  /** Called before an object is replaced. The replacement fails when this throws. */
  beforePut: (key: string) => unknown = () => {};

  /** Adds an object without calling `beforeCreate`. */
  with(key: string, body: string, metadata: Readonly<Record<string, string>> = {}): this {
    this.objects.set(key, { body, metadata });
    return this;
  }

  /** Returns the text of an object; throws when it does not exist. */
  text(key: string): string {
    const object = this.objects.get(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    return object.body;
  }

  async find(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    return this.objects.get(key)?.metadata;
  }

  async create(
    key: string,
    body: string,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<'created' | 'exists'> {
    await this.beforeCreate(key, body);
    if (this.objects.has(key)) return 'exists';
    this.objects.set(key, { body, metadata });
    return 'created';
  }

  async put(key: string, body: string): Promise<void> {
    await this.beforePut(key);
    this.objects.set(key, { body, metadata: {} });
  }

  async read(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const bytes = Buffer.from(this.text(key));
    return range === undefined ? bytes : bytes.subarray(range.start, range.end);
  }

  async stream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const bytes = Buffer.from(this.text(key));
    return (async function* () {
      // Small pieces, so that they end within lines and characters.
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    })();
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, void> {
    for (const key of [...this.objects.keys()].toSorted())
      if (key.startsWith(prefix)) yield { key, size: Buffer.byteLength(this.text(key)) };
  }

  write(key: string): ObjectWriter {
    const pieces: Uint8Array[] = [];
    return {
      write: async (content) => void pieces.push(Buffer.from(content)),
      finish: async () =>
        void this.objects.set(key, { body: Buffer.concat(pieces).toString(), metadata: {} }),
      abandon: async () => {},
    };
  }
}
