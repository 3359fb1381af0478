import { describe, expect, it } from 'vitest';
import { type GgufTensor, toMemoryFacts } from '../../../src/model/gguf-memory.ts';

const f32 = 0;
const q4_0 = 2;
const q8_0 = 8;

function tensor(name: string, dimensions: number[], ggmlType = q4_0): GgufTensor {
  return { name, dimensions, ggmlType };
}

function block(layer: number): GgufTensor[] {
  return [
    tensor(`blk.${layer}.attn_norm.weight`, [64], f32),
    tensor(`blk.${layer}.attn_q.weight`, [64, 64]),
    tensor(`blk.${layer}.attn_k.weight`, [64, 32]),
    tensor(`blk.${layer}.attn_v.weight`, [64, 24]),
    tensor(`blk.${layer}.ffn_down.weight`, [128, 64]),
  ];
}

const metadata = {
  context_length: 2048,
  embedding_length: 64,
  feed_forward_length: 128,
  attention: { head_count: 4, head_count_kv: 2 },
};

const generating = { architecture: 'llama', causal: true };

describe('toMemoryFacts', () => {
  it('adds up keys and values by the matrices that make them', () => {
    const facts = toMemoryFacts([...block(0), ...block(1)], metadata, generating);

    expect(facts).toMatchObject({
      trainContextSize: 2048,
      keyNumbers: 2 * 32,
      valueNumbers: 2 * 24,
      embeddingLength: 64,
      feedForwardLength: 128,
      attentionLength: 64 + 32 + 24,
      heads: 4,
    });
  });

  it('goes by the metadata where queries, keys and values are one matrix', () => {
    const attention = { head_count: 4, head_count_kv: [2, 1], key_length: 16, value_length: 8 };
    const tensors = [0, 1].map((layer) => tensor(`blk.${layer}.attn_qkv.weight`, [64, 96]));

    expect(toMemoryFacts(tensors, { ...metadata, attention }, generating)).toMatchObject({
      keyNumbers: 3 * 16,
      valueNumbers: 3 * 8,
    });
  });

  it.each<[string, string, object, readonly number[]]>([
    ['of Gemma 3: five of six', 'gemma3', {}, [0, 1, 2, 3, 4]],
    ['of gpt-oss: each other', 'gpt-oss', {}, [0, 2, 4]],
    ['of Command A: all but the first of four', 'cohere2moe', {}, [1, 2, 3, 5]],
    ["by the GGUF's period", 'gemma3', { sliding_window_pattern: 3 }, [0, 1, 3, 4]],
    ['by a period of no layer in between', 'gemma3', { sliding_window_pattern: 0 }, [0, 1, 2, 3, 4, 5]],
    [
      "by the GGUF's list",
      'gemma4',
      { sliding_window_pattern: [true, false, false, true, true, false] },
      [0, 3, 4],
    ],
    ['of an architecture that llama.cpp has no window for', 'phi3', { sliding_window_pattern: 2 }, []],
    ['of a GGUF without a window', 'gemma3', { sliding_window: 0 }, []],
  ])('knows the layers behind a sliding window %s', (_, architecture, own, layers) => {
    const attention = { ...metadata.attention, sliding_window: 512, ...own };
    const tensors = [0, 1, 2, 3, 4, 5].flatMap((layer) => [
      tensor(`blk.${layer}.attn_k.weight`, [64, 2 ** layer]),
      tensor(`blk.${layer}.attn_v.weight`, [64, 0]),
    ]);
    const facts = toMemoryFacts(tensors, { ...metadata, attention }, { ...generating, architecture });

    expect(facts.windowedNumbers).toBe(layers.reduce((sum, layer) => sum + 2 ** layer, 0));
  });

  it('counts one compressed vector where attention is latent', () => {
    const tensors = [
      tensor('blk.0.attn_kv_a_mqa.weight', [64, 40]),
      tensor('blk.0.attn_k_b.weight', [16, 32, 4]),
    ];

    expect(toMemoryFacts(tensors, metadata, generating)).toMatchObject({ keyNumbers: 40, valueNumbers: 0 });
  });

  it('keeps nothing of a model whose tokens see those after them', () => {
    expect(toMemoryFacts(block(0), metadata, { ...generating, causal: false })).toMatchObject({
      keyNumbers: 0,
      valueNumbers: 0,
    });
  });

  it('adds up the states of recurrent layers', () => {
    const ssm = { conv_kernel: 4, inner_size: 128, state_size: 16, group_count: 1 };
    const tensors = [tensor('blk.0.ssm_out.weight', [128, 64]), ...block(1)];

    expect(toMemoryFacts(tensors, { ...metadata, ssm }, generating)).toMatchObject({
      keyNumbers: 32,
      recurrentNumbers: 3 * (128 + 2 * 16) + 16 * 128,
    });
  });

  it('counts what all experts that a token uses take at once', () => {
    const mixture = { expert_used_count: 4, expert_feed_forward_length: 96 };

    expect(toMemoryFacts([], { ...metadata, ...mixture }, generating).feedForwardLength).toBe(384);
  });

  it('groups the matrices that may be repacked, without tables and vectors', () => {
    const tensors = [
      tensor('token_embd.weight', [64, 100], q8_0),
      tensor('output.weight', [64, 100], q8_0),
      tensor('blk.0.ffn_gate_exps.weight', [64, 32, 8]),
      ...block(0),
    ];

    expect(toMemoryFacts(tensors, metadata, generating).repackable).toEqual([
      { type: 'Q8_0', bytes: (6400 / 32) * 34, rowsMultiple: 4, experts: false, tied: false },
      { type: 'Q4_0', bytes: (16_384 / 32) * 18, rowsMultiple: 32, experts: true, tied: false },
      {
        type: 'Q4_0',
        bytes: ((4096 + 2048 + 8192) / 32) * 18,
        rowsMultiple: 32,
        experts: false,
        tied: false,
      },
      { type: 'Q4_0', bytes: (1536 / 32) * 18, rowsMultiple: 8, experts: false, tied: false },
    ]);
  });

  it('counts token embeddings that make the logits too', () => {
    const [tied] = toMemoryFacts(
      [tensor('token_embd.weight', [64, 96], q8_0)],
      metadata,
      generating,
    ).repackable;

    expect(tied).toEqual({
      type: 'Q8_0',
      bytes: (6144 / 32) * 34,
      rowsMultiple: 32,
      experts: false,
      tied: true,
    });
  });
});
