// What batches need of a place for objects. In AWS it is a bucket, and on one machine a directory.

export interface ObjectStore {
  /** An object's metadata, if it is there. */
  find(key: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Creates an object, unless it is there. Of several that try at once, one does. */
  create(
    key: string,
    body: string,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<'created' | 'was-there'>;
  /** Puts an object, in the place of one that is there. */
  put(key: string, body: string): Promise<void>;
  /** An object's bytes, or those from `start` to before `end`. */
  read(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
  /** An object's bytes as they come. */
  stream(key: string): Promise<AsyncIterable<Uint8Array>>;
  /** The keys that begin with a prefix, sorted. */
  list(prefix: string): AsyncIterable<string>;
  /** Begins to write an object, which is there once it is finished. */
  write(key: string): ObjectWriter;
}

export interface ObjectWriter {
  write(text: string): Promise<void>;
  finish(): Promise<void>;
  /** Nothing of it stays. */
  abandon(): Promise<void>;
}
