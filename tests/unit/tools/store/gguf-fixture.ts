// The smallest GGUF a header reader takes for a model: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { createHash } from 'node:crypto';

const TEXT = 8;
const UINT32 = 4;

/** A GGUF of version 3 with one tensor of 32 weights, filled up to `sizeBytes`. */
export function tinyGguf({
  sizeBytes = 512,
  contextLength = 2048,
  fill = 7,
  chatTemplate = '{{ messages }}',
} = {}): Buffer {
  const pairs = [
    pair('general.architecture', TEXT, text('llama')),
    pair('general.name', TEXT, text('Tiny')),
    pair('general.file_type', UINT32, uint32(7)),
    pair('llama.context_length', UINT32, uint32(contextLength)),
    ...(chatTemplate === '' ? [] : [pair('tokenizer.chat_template', TEXT, text(chatTemplate))]),
  ];
  const tensor = Buffer.concat([text('weights'), uint32(1), uint64(32), uint32(0), uint64(0)]);
  const header = [Buffer.from('GGUF'), uint32(3), uint64(1), uint64(pairs.length), ...pairs, tensor];
  const written = Buffer.concat(header);
  return Buffer.concat([written, Buffer.alloc(Math.max(0, sizeBytes - written.length), fill)]);
}

/** The SHA-256 a catalog would pin. */
export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function pair(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), uint32(type), value]);
}

function text(value: string): Buffer {
  return Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
