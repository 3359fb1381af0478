// An embedder whose answer to a hundred inputs is over 6 MB, and under it in base64.
import type { EmbeddingInput } from '../../../src/engine/embedder.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';

export class LongEmbedder extends FakeEmbedder {
  constructor() {
    super({ type: 'embed', dimensions: 8192, matryoshka: false });
  }

  override async embed(inputs: readonly EmbeddingInput[]) {
    return { vectors: inputs.map(() => new Float32Array(8192).fill(1 / 3)), tokens: inputs.length };
  }
}

export const longRequest = { input: Array.from({ length: 100 }, () => 'Hi') };
