// Facts of models' headers, for sums of their memory.
import type { GgufFacts } from '../../../../../src/model/gguf-facts.ts';
import type { GgufMemoryFacts } from '../../../../../src/model/gguf-memory.ts';

const facts: Omit<GgufFacts, 'memory'> = {
  architecture: 'llama',
  vocabularySize: 32_000,
  tokenizer: 'gpt2',
  chatTemplate: null,
  rerankTemplate: null,
  addsEosToken: null,
  addsSeparator: null,
  causal: true,
  poolingType: null,
  hasClassifier: false,
  tags: [],
  slidingWindow: null,
};

const llama7b: Omit<GgufMemoryFacts, 'repackable'> = {
  trainContextSize: 4096,
  keyNumbers: 32 * 4096,
  valueNumbers: 32 * 4096,
  recurrentNumbers: 0,
  embeddingLength: 4096,
  feedForwardLength: 11_008,
  attentionLength: 3 * 4096,
  heads: 32,
};

const output = { type: 'Q6_K', bytes: 107_520_000, rowsMultiple: 32, experts: false, tied: false } as const;

/** Llama 2 7B in Q3_K_S: no processor repacks Q3_K. */
export const llama7bQ3: GgufFacts = { ...facts, memory: { ...llama7b, repackable: [output] } };
export const llama7bQ3Bytes = 2_948_718_144;

/** Llama 2 7B in Q4_0. */
export const llama7bQ4: GgufFacts = {
  ...facts,
  memory: {
    ...llama7b,
    repackable: [
      { type: 'Q4_0', bytes: 3_642_753_024, rowsMultiple: 32, experts: false, tied: false },
      output,
    ],
  },
};
export const llama7bQ4Bytes = 3_826_220_608;

/** SmolLM2 135M in Q4_1, whose token embeddings make the logits too. */
export const smollm2: GgufFacts = {
  ...facts,
  vocabularySize: 49_152,
  memory: {
    repackable: [
      { type: 'Q4_1', bytes: 66_355_200, rowsMultiple: 32, experts: false, tied: false },
      { type: 'Q8_0', bytes: 30_081_024, rowsMultiple: 32, experts: false, tied: true },
    ],
    trainContextSize: 8192,
    keyNumbers: 5760,
    valueNumbers: 5760,
    recurrentNumbers: 0,
    embeddingLength: 576,
    feedForwardLength: 1536,
    attentionLength: 960,
    heads: 9,
  },
};
export const smollm2Bytes = 98_362_432;

/** A BERT for vectors, with 512 tokens of context. */
export const bert: GgufFacts = {
  ...facts,
  architecture: 'bert',
  causal: false,
  poolingType: 1,
  memory: {
    repackable: [],
    trainContextSize: 512,
    keyNumbers: 0,
    valueNumbers: 0,
    recurrentNumbers: 0,
    embeddingLength: 384,
    feedForwardLength: 1536,
    attentionLength: 384,
    heads: 12,
  },
};
