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

/** Everything about a state but its tokens: states of the same shape can be joined. */
export interface KvShape {
  /** Streams of the context, one for each of its sequences. */
  readonly streams: number;
  readonly layers: number;
  /** The keys of all layers, then the values of those that have any. */
  readonly parts: readonly KvPart[];
}

/** A state that was read, of tokens that follow each other. */
export interface KvState {
  readonly shape: KvShape;
  /** The place of its first token in the sequence. */
  readonly first: number;
  readonly tokens: number;
  readonly bytes: Uint8Array;
  /** Where the rows of each part start. */
  readonly starts: readonly number[];
}

/** A state, and the place behind the last of its tokens that are wanted. */
export interface StateUpTo {
  readonly bytes: Uint8Array;
  readonly end: number;
}

const magic = 0xaf14_3cd8;
const headBytes = 12;
const metaBytes = 12;
const partHeadBytes = 12;
const mostParts = 4096;

/** Reads a state. Undefined when it is laid out in another way, or its tokens do not follow each other. */
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
  const first = read(offset);
  for (let index = 0; index < tokens; index += 1, offset += metaBytes) {
    if (read(offset) !== first + index || read(offset + 4) !== 1) return undefined;
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
  return { shape: { streams, layers, parts }, first, tokens, bytes: state, starts };
}

/** Copies the state of the tokens from `from` to before `to`, by their place in the state. */
export function cutKvState(state: KvState, from: number, to: number): KvState {
  return writeKvState(state.shape, state.first + from, to - from, (part) => [rowsOf(state, part, from, to)]);
}

/**
 * Gives states that follow each other as one; a single one as it is, with what is behind its end.
 *
 * @throws {Error} when several are not all laid out by tokens
 */
export function joinStates(states: readonly StateUpTo[]): Uint8Array {
  const [only] = states;
  if (only === undefined) throw new Error('there is no state');
  if (states.length === 1) return only.bytes;
  const parsed = states.map(({ bytes, end }) => {
    const state = parseKvState(bytes);
    if (state === undefined) throw new Error('it is not laid out by tokens');
    return { state, tokens: end - state.first };
  });
  const { shape } = (parsed[0] as { state: KvState }).state;
  const tokens = parsed.reduce((sum, each) => sum + each.tokens, 0);
  return writeKvState(shape, 0, tokens, (part) =>
    parsed.map((each) => rowsOf(each.state, part, 0, each.tokens)),
  ).bytes;
}

/** The rows of a part, without a copy. */
function rowsOf({ shape, starts, bytes }: KvState, part: number, from: number, to: number): Uint8Array {
  const start = starts[part] ?? 0;
  const { rowBytes } = shape.parts[part] ?? { rowBytes: 0 };
  return bytes.subarray(start + from * rowBytes, start + to * rowBytes);
}

/**
 * Writes a state.
 *
 * @param rows - of a part, by its number: those of all tokens, in one piece or several
 */
export function writeKvState(
  shape: KvShape,
  first: number,
  tokens: number,
  rows: (part: number) => readonly Uint8Array[],
): KvState {
  const { streams, layers, parts } = shape;
  const size =
    headBytes +
    4 * streams +
    tokens * metaBytes +
    8 +
    parts.reduce((sum, { rowBytes }) => sum + partHeadBytes + tokens * rowBytes, 0);
  const bytes = Buffer.allocUnsafeSlow(size);
  let offset = 0;
  const put = (number: number) => {
    offset = bytes.writeUInt32LE(number, offset);
  };
  for (const number of [magic, 0, streams, tokens]) put(number);
  for (let index = 0; index < tokens; index += 1) for (const number of [first + index, 1, 0]) put(number);
  for (const number of [0, layers]) put(number);
  const starts: number[] = [];
  for (const [index, { type, rowBytes }] of parts.entries()) {
    put(type);
    offset = bytes.writeBigUInt64LE(BigInt(rowBytes), offset);
    starts.push(offset);
    for (const piece of rows(index)) {
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
  }
  for (let stream = 1; stream < streams; stream += 1) put(0);
  return { shape, first, tokens, bytes, starts };
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
  if (parsed === undefined || parsed.first !== 0 || parsed.tokens !== count)
    throw new Error('it is not laid out by tokens');
  const tokens = Uint32Array.from({ length: count }, (_, index) =>
    bytes.readUInt32LE(fileHeadBytes + 4 * index),
  );
  const other = { ...parsed, shape: { ...parsed.shape, streams } };
  return { tokens, state: cutKvState(other, 0, count).bytes };
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
