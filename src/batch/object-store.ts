// The object storage that batches need: an S3 bucket in AWS, a directory for local batches.

export interface ObjectStore {
  /** Returns an object's metadata, or undefined when the object does not exist. */
  find(key: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Creates an object unless it exists. When several callers try at the same time, exactly one creates it. */
  create(
    key: string,
    body: string,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<'created' | 'exists'>;
  /** Creates or replaces an object. */
  put(key: string, body: string): Promise<void>;
  /** Reads an object, or its bytes from `start` up to but not including `end`. */
  read(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
  /** Reads an object in pieces. */
  stream(key: string): Promise<AsyncIterable<Uint8Array>>;
  /** Lists the objects whose keys have a prefix, sorted by key. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Starts writing an object. The object exists only after `finish`. */
  write(key: string): ObjectWriter;
}

export interface StoredObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
}

export interface ObjectWriter {
  write(content: string | Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Ends writing and removes all parts. */
  abandon(): Promise<void>;
}
