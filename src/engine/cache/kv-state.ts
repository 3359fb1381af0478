// llama.cpp's layout of a sequence's state, cut by tokens: a row of keys and a row of values for each token in each layer.
// `llama_kv_cache::state_write` of the pinned release writes it: a head, how many tokens each stream of the context has, their
// positions, then by layer all rows of keys, and by layer all rows of values. A model with several caches, a recurrent one or
// one with positions in several dimensions writes something else, which is not taken for this: each byte is accounted for.

/** A part of a state: the keys of a layer, or its values. */
interface KvPart {
  /** As ggml numbers its types. */
  readonly type: number;
  readonly rowBytes: number;
}

/** Everything about a state but its tokens: two states with the same key can have segments of each other. */
export interface KvShape {
  /** Streams of the context, one for each of its sequences. */
  readonly streams: number;
  readonly layers: number;
  /** The keys of all layers, then the values of those that have any. */
  readonly parts: readonly KvPart[];
}

/** The rows of neighbouring tokens, part by part. */
export interface KvSegment {
  readonly tokens: number;
  readonly bytes: Uint8Array;
}

export interface KvState {
  readonly shape: KvShape;
  readonly tokens: number;
  /** Copies the rows of the tokens from `start` to before `end`. */
  slice(start: number, end: number): KvSegment;
}

const magic = 0xaf14_3cd8;
const headBytes = 12;
const metaBytes = 12;
const partHeadBytes = 12;
const mostParts = 4096;

/** Reads a state. Undefined when it is laid out in another way, or its tokens do not stand in their order. */
export function parseKvState(state: Uint8Array): KvState | undefined {
  try {
    return parse(state);
  } catch (error) {
    // It ends before a number that the layout has there.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(state: Uint8Array): KvState | undefined {
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const read = (offset: number) => view.getUint32(offset, true);
  const streams = read(8);
  if (read(0) !== magic || streams === 0) return undefined;
  let offset = headBytes;
  let stream = 0;
  while (stream < streams && read(offset) === 0) {
    offset += 4;
    stream += 1;
  }
  if (stream === streams) return undefined;
  const tokens = read(offset);
  offset += 4;
  for (let index = 0; index < tokens; index += 1, offset += metaBytes) {
    if (read(offset) !== index || read(offset + 4) !== 1) return undefined;
  }
  const [isTransposed, layers] = [read(offset), read(offset + 4)];
  offset += 8;
  if (isTransposed !== 0 || layers === 0) return undefined;
  // The streams behind it hold nothing of this sequence.
  const end = state.byteLength - 4 * (streams - 1 - stream);
  const parts: KvPart[] = [];
  const starts: number[] = [];
  while (offset < end && parts.length < mostParts) {
    const part = { type: read(offset), rowBytes: Number(view.getBigUint64(offset + 4, true)) };
    parts.push(part);
    starts.push(offset + partHeadBytes);
    offset += partHeadBytes + tokens * part.rowBytes;
  }
  if (offset !== end || parts.length < layers) return undefined;
  for (; offset < state.byteLength; offset += 4) if (read(offset) !== 0) return undefined;
  const shape = { streams, layers, parts };
  return { shape, tokens, slice: (from, to) => sliceRows(state, shape, starts, { from, to }) };
}

function sliceRows(
  state: Uint8Array,
  { parts }: KvShape,
  starts: readonly number[],
  { from, to }: { readonly from: number; readonly to: number },
): KvSegment {
  const tokens = to - from;
  const bytes = Buffer.allocUnsafeSlow(tokens * bytesPerToken(parts));
  let offset = 0;
  for (const [index, { rowBytes }] of parts.entries()) {
    const start = starts[index] ?? 0;
    bytes.set(state.subarray(start + from * rowBytes, start + to * rowBytes), offset);
    offset += tokens * rowBytes;
  }
  return { tokens, bytes };
}

/** Cuts a segment in two. */
export function cutSegment({ parts }: KvShape, segment: KvSegment, at: number): [KvSegment, KvSegment] {
  const rest = segment.tokens - at;
  const first = Buffer.allocUnsafeSlow(at * bytesPerToken(parts));
  const second = Buffer.allocUnsafeSlow(rest * bytesPerToken(parts));
  let offset = 0;
  let [toFirst, toSecond] = [0, 0];
  for (const { rowBytes } of parts) {
    const cut = offset + at * rowBytes;
    const end = offset + segment.tokens * rowBytes;
    first.set(segment.bytes.subarray(offset, cut), toFirst);
    second.set(segment.bytes.subarray(cut, end), toSecond);
    toFirst += at * rowBytes;
    toSecond += rest * rowBytes;
    offset = end;
  }
  return [
    { tokens: at, bytes: first },
    { tokens: rest, bytes: second },
  ];
}

/**
 * Writes a state of the first tokens of segments that follow each other.
 *
 * @param tokens - as many as the segments have, or fewer
 */
export function toKvState(
  { streams, layers, parts }: KvShape,
  segments: readonly KvSegment[],
  tokens: number,
): Uint8Array {
  const size =
    headBytes +
    4 * streams +
    tokens * metaBytes +
    8 +
    parts.reduce((sum, { rowBytes }) => sum + partHeadBytes + tokens * rowBytes, 0);
  const state = Buffer.allocUnsafeSlow(size);
  let offset = 0;
  const write = (number: number) => {
    offset = state.writeUInt32LE(number, offset);
  };
  for (const number of [magic, 0, streams, tokens]) write(number);
  for (let index = 0; index < tokens; index += 1) for (const number of [index, 1, 0]) write(number);
  for (const number of [0, layers]) write(number);
  const taken = segments.map(() => 0);
  for (const { type, rowBytes } of parts) {
    write(type);
    offset = state.writeBigUInt64LE(BigInt(rowBytes), offset);
    let left = tokens;
    for (const [index, segment] of segments.entries()) {
      const count = Math.min(left, segment.tokens);
      const start = taken[index] ?? 0;
      state.set(segment.bytes.subarray(start, start + count * rowBytes), offset);
      offset += count * rowBytes;
      left -= count;
      taken[index] = start + segment.tokens * rowBytes;
    }
  }
  for (let stream = 1; stream < streams; stream += 1) write(0);
  return state;
}

/** The head of a file that llama.cpp saved: a magic number, a version and the number of its tokens, which follow. */
const fileHeadBytes = 12;

/**
 * Reads a file that llama.cpp saved of the only sequence of a context, as a state of a context with several.
 *
 * @throws {Error} when it is no such file
 */
export function fileToState(
  file: Uint8Array,
  streams: number,
): { readonly tokens: Uint32Array; readonly state: Uint8Array } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const count = bytes.byteLength < fileHeadBytes ? 0 : bytes.readUInt32LE(8);
  const end = fileHeadBytes + 4 * count;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(magic, 0);
  const parsed = parseKvState(Buffer.concat([head, bytes.subarray(end)]));
  if (parsed === undefined || parsed.tokens !== count) throw new Error('it is not laid out by tokens');
  const tokens = Uint32Array.from({ length: count }, (_, index) =>
    bytes.readUInt32LE(fileHeadBytes + 4 * index),
  );
  return { tokens, state: toKvState({ ...parsed.shape, streams }, [parsed.slice(0, count)], count) };
}

/** Whether two states have the same layout. */
export function haveSameShape(one: KvShape, other: KvShape): boolean {
  return (
    one.streams === other.streams &&
    one.layers === other.layers &&
    one.parts.length === other.parts.length &&
    one.parts.every(({ type, rowBytes }, index) => {
      const part = other.parts[index];
      return part?.type === type && part.rowBytes === rowBytes;
    })
  );
}

function bytesPerToken(parts: readonly KvPart[]): number {
  return parts.reduce((sum, { rowBytes }) => sum + rowBytes, 0);
}
