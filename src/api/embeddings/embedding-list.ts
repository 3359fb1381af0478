// The answer of POST /v1/embeddings, in OpenAI's shape.
import type { EmbeddingsRequest } from './embeddings-request.ts';

interface EmbeddingObject {
  readonly object: 'embedding';
  /** The input's place in the request. */
  readonly index: number;
  /** Numbers, or the base64 of 32-bit little-endian floats. */
  readonly embedding: readonly number[] | string;
}

export interface EmbeddingList {
  readonly object: 'list';
  readonly data: readonly EmbeddingObject[];
  readonly model: string;
  readonly usage: InputUsage;
}

/** Token counts of a request that generates nothing. */
export interface InputUsage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
}

/** As many digits as tell any two 32-bit floats apart; all those of a double would double the answer. */
const float32Digits = 9;

export function toEmbeddingList(
  vectors: readonly Float32Array[],
  {
    tokens,
    model,
    encoding,
  }: { tokens: number; model: string; encoding: EmbeddingsRequest['encoding_format'] },
): EmbeddingList {
  const encode = encoding === 'base64' ? toBase64 : toNumbers;
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
    model,
    usage: toInputUsage(tokens),
  };
}

export function toInputUsage(tokens: number): InputUsage {
  return { prompt_tokens: tokens, total_tokens: tokens };
}

function toNumbers(vector: Float32Array): number[] {
  return Array.from(vector, (value) => Number(value.toPrecision(float32Digits)));
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
