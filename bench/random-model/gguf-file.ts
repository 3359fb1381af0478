// Reading and writing GGUF metadata as bytes, so that a model can be made with the tokenizer of another.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/** GGUF's numbers for the types of metadata values that are written here. */
const valueTypes = { uint32: 4, float32: 6, string: 8, array: 9 } as const;

/** Bytes of a metadata value by its type's number; strings and arrays have no fixed size. */
const sizes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

/** One metadata entry. The values are kept as the bytes of the file. */
export type Entry =
  | { readonly key: string; readonly type: number; readonly value: Buffer }
  | {
      readonly key: string;
      readonly type: typeof valueTypes.array;
      readonly elementType: number;
      readonly elements: readonly Buffer[];
    };

/** Reads all metadata entries of a GGUF. */
export function readEntries(gguf: Buffer): Entry[] {
  const count = Number(gguf.readBigUInt64LE(16));
  let position = 24;
  const take = (bytes: number): Buffer => {
    position += bytes;
    return gguf.subarray(position - bytes, position);
  };
  const takeValue = (type: number): Buffer => {
    if (type === valueTypes.string) return take(8 + Number(gguf.readBigUInt64LE(position)));
    const size = sizes[type];
    if (size === undefined) throw new Error(`A GGUF value of type ${type} cannot be read.`);
    return take(size);
  };
  return Array.from({ length: count }, () => {
    const key = toText(takeValue(valueTypes.string));
    const type = take(4).readUInt32LE();
    if (type !== valueTypes.array) return { key, type, value: takeValue(type) };
    const elementType = take(4).readUInt32LE();
    const length = Number(take(8).readBigUInt64LE());
    const elements = Array.from({ length }, () => takeValue(elementType));
    return { key, type: valueTypes.array, elementType, elements };
  });
}

/** The text of a string value. */
export function toText(value: Buffer): string {
  return value.toString('utf8', 8);
}

function writeEntry(entry: Entry): Buffer {
  const head = [toStringValue(entry.key), toUint32(entry.type)];
  if (!('elements' in entry)) return Buffer.concat([...head, entry.value]);
  const { elementType, elements } = entry;
  return Buffer.concat([...head, toUint32(elementType), toUint64(elements.length), ...elements]);
}

export function toStringEntry(key: string, text: string): Entry {
  return { key, type: valueTypes.string, value: toStringValue(text) };
}

export function toUint32Entry(key: string, number: number): Entry {
  return { key, type: valueTypes.uint32, value: toUint32(number) };
}

export function toFloat32Entry(key: string, number: number): Entry {
  const value = Buffer.alloc(4);
  value.writeFloatLE(number);
  return { key, type: valueTypes.float32, value };
}

/** A tensor's name, dimensions and type, and its place after the header. */
export interface TensorInfo {
  readonly name: string;
  readonly dimensions: readonly number[];
  /** ggml's number. */
  readonly type: number;
  readonly bytes: number;
}

const alignment = 32;

/** The bytes up to the next multiple of GGUF's default alignment. */
export function paddingAfter(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment;
}

/** All that stands before the tensors' data. */
export function writeHeader(entries: readonly Entry[], tensors: readonly TensorInfo[]): Buffer {
  let offset = 0;
  const infos = tensors.map(({ name, dimensions, type, bytes }) => {
    const info = [
      toStringValue(name),
      toUint32(dimensions.length),
      ...dimensions.map(toUint64),
      toUint32(type),
      toUint64(offset),
    ];
    offset += bytes + paddingAfter(bytes);
    return Buffer.concat(info);
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    toUint32(3),
    toUint64(tensors.length),
    toUint64(entries.length),
    ...entries.map(writeEntry),
    ...infos,
  ]);
  return Buffer.concat([header, Buffer.alloc(paddingAfter(header.length))]);
}

function toStringValue(text: string): Buffer {
  return Buffer.concat([toUint64(Buffer.byteLength(text)), Buffer.from(text)]);
}

function toUint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

function toUint64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}
