// An object store in a directory. Files are written under another name and renamed when they are complete.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectStore, ObjectWriter, StoredObject } from '../../src/batch/object-store.ts';

/** Stores no metadata. Its methods throw the errors of `node:fs`. */
export class DirectoryStore implements ObjectStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Returns the path of an object. */
  path(key: string): string {
    return join(this.root, key);
  }

  async find(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    return access(this.path(key)).then(
      () => ({}),
      () => undefined,
    );
  }

  async create(key: string, body: string): Promise<'created' | 'exists'> {
    const part = await this.#toPart(key);
    await writeFile(part, body);
    try {
      await link(part, this.path(key));
      return 'created';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'exists';
      throw error;
    } finally {
      await rm(part);
    }
  }

  async put(key: string, body: string): Promise<void> {
    const part = await this.#toPart(key);
    await writeFile(part, body);
    await rename(part, this.path(key));
  }

  async read(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    if (range === undefined) return readFile(this.path(key));
    await using file = await open(this.path(key));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(range.end - range.start), {
      position: range.start,
    });
    return buffer.subarray(0, bytesRead);
  }

  async stream(key: string): Promise<AsyncIterable<Uint8Array>> {
    return createReadStream(this.path(key));
  }

  /** Lists a directory; `prefix` must end in a slash. */
  async *list(prefix: string): AsyncGenerator<StoredObject, void, void> {
    const names = await readdir(this.path(prefix)).catch(() => []);
    for (const name of names.toSorted()) {
      if (name.endsWith('.part')) continue;
      const key = `${prefix}${name}`;
      yield { key, size: (await stat(this.path(key))).size };
    }
  }

  write(key: string): ObjectWriter {
    const opened = this.#toPart(key).then(async (part) => ({ part, file: await open(part, 'w') }));
    // `write` and `finish` report the error.
    opened.catch(() => {});
    return {
      write: async (content) => {
        const { file } = await opened;
        await file.writeFile(content);
      },
      finish: async () => {
        const { part, file } = await opened;
        await file.close();
        await rename(part, this.path(key));
      },
      abandon: async () => {
        const { part, file } = await opened;
        await file.close();
        await rm(part, { force: true });
      },
    };
  }

  async #toPart(key: string): Promise<string> {
    await mkdir(dirname(this.path(key)), { recursive: true });
    return `${this.path(key)}.${randomUUID()}.part`;
  }
}
