// The answer of POST /v1/embeddings, in OpenAI's format.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EmbeddingsRequest } from './embeddings-request.ts';

interface EmbeddingObject {
  readonly object: 'embedding';
  /** The input's index in the request. */
  readonly index: number;
  /** A list of numbers, or the base64 of little-endian 32-bit floats. */
  readonly embedding: readonly number[] | string;
}

export interface EmbeddingList {
  readonly object: 'list';
  readonly data: readonly EmbeddingObject[];
  readonly model: string;
  readonly usage: InputUsage;
}

/** The token counts of a request that generates no text. */
export interface InputUsage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
}

/** Enough digits to distinguish 32-bit floats. The digits of a double would double the size of the answer. */
const float32Digits = 9;

/** As many vectors are converted at once as take some milliseconds. */
const vectorsInTurn = 32;

/** Converts vectors. Others are answered in between. */
export async function toEmbeddingList(
  vectors: readonly Float32Array[],
  {
    tokens,
    model,
    encoding,
  }: { tokens: number; model: string; encoding: EmbeddingsRequest['encoding_format'] },
): Promise<EmbeddingList> {
  const encode = encoding === 'base64' ? toBase64 : toNumbers;
  const data: EmbeddingObject[] = [];
  for (const [index, vector] of vectors.entries()) {
    if (index % vectorsInTurn === vectorsInTurn - 1) await nextTurn();
    data.push({ object: 'embedding', index, embedding: encode(vector) });
  }
  return {
    object: 'list',
    data,
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
