// The facts of a GGUF's header that decide how much memory the model takes. src/engine/llama/memory adds them up.
import { isWindowed } from './sliding-window.ts';

/** Matrices of one type, which llama.cpp may copy into private memory in a layout that suits the processor. */
export interface RepackableWeights {
  /** ggml's name of the type, such as `Q4_0`. */
  readonly type: RepackableType;
  /** In the file. */
  readonly bytes: number;
  /** 32, 8 or 4: each matrix has a multiple of it in rows. 1: not even of 4. */
  readonly rowsMultiple: number;
  /** Whether they are a mixture's experts, several matrices in one tensor. */
  readonly experts: boolean;
  /** Whether the file holds them as token embeddings, which stay mapped even where a copy of them is repacked. */
  readonly tied: boolean;
}

export interface GgufMemoryFacts {
  readonly repackable: readonly RepackableWeights[];
  /** Tokens that the model was trained to attend to. */
  readonly trainContextSize: number;
  /** Numbers that the keys of one token have, in all layers together. */
  readonly keyNumbers: number;
  /** The same of the values. */
  readonly valueNumbers: number;
  /**
   * How many of these numbers belong to layers that see only a sliding window. Absent in manifests of earlier releases, and counted
   * as 0: an upper bound.
   */
  readonly windowedNumbers?: number;
  /** Numbers of 32 bits that a sequence's recurrent state has; 0 for a model without one. */
  readonly recurrentNumbers: number;
  /** Numbers that stand for one token between two layers. */
  readonly embeddingLength: number;
  /** The most numbers of one token within a layer's feed-forward or recurrent part. */
  readonly feedForwardLength: number;
  /** Numbers of a token's queries, keys and values in one layer. */
  readonly attentionLength: number;
  /** Attention heads of a layer. */
  readonly heads: number;
}

/** A tensor as node-llama-cpp's reader gives it. */
export interface GgufTensor {
  readonly name: string;
  readonly dimensions: readonly (number | bigint)[];
  /** ggml's number of the type. */
  readonly ggmlType: number;
}

/** One number, or one for each layer. */
type PerLayer = number | readonly number[];

/** What `<architecture>.*` says. */
export interface ArchitectureMetadata {
  readonly context_length?: number;
  readonly embedding_length?: number;
  readonly feed_forward_length?: PerLayer;
  readonly expert_used_count?: PerLayer;
  readonly expert_feed_forward_length?: PerLayer;
  readonly expert_shared_feed_forward_length?: PerLayer;
  readonly token_shift_count?: number;
  readonly pooling_type?: number;
  readonly attention?: {
    readonly causal?: boolean;
    readonly sliding_window?: number;
    readonly sliding_window_pattern?: number | readonly (boolean | number)[];
    readonly head_count?: PerLayer;
    readonly head_count_kv?: PerLayer;
    readonly key_length?: number;
    readonly value_length?: number;
  };
  readonly ssm?: {
    readonly conv_kernel?: number;
    readonly inner_size?: number;
    readonly state_size?: number;
    readonly group_count?: number;
  };
  readonly wkv?: { readonly head_size?: number };
  readonly shortconv?: { readonly l_cache?: number };
}

/** The types that some processor's kernels want in another layout, by ggml's numbers; weights and bytes of a block. */
const types = {
  1: { name: 'F16', weights: 1, bytes: 2 },
  2: { name: 'Q4_0', weights: 32, bytes: 18 },
  3: { name: 'Q4_1', weights: 32, bytes: 20 },
  8: { name: 'Q8_0', weights: 32, bytes: 34 },
  10: { name: 'Q2_K', weights: 256, bytes: 84 },
  12: { name: 'Q4_K', weights: 256, bytes: 144 },
  13: { name: 'Q5_K', weights: 256, bytes: 176 },
  14: { name: 'Q6_K', weights: 256, bytes: 210 },
  20: { name: 'IQ4_NL', weights: 32, bytes: 18 },
  23: { name: 'IQ4_XS', weights: 256, bytes: 136 },
  39: { name: 'MXFP4', weights: 32, bytes: 17 },
  41: { name: 'Q1_0', weights: 128, bytes: 18 },
} as const;

export type RepackableType = (typeof types)[keyof typeof types]['name'];

/** Tables whose rows are looked up, which are never repacked. */
const isTable = (name: string) =>
  /^(?:token_embd|position_embd|token_types|per_layer_token_embd)\b/.test(name);

export interface MemoryFactsOptions {
  readonly architecture: string;
  /** False for a model whose tokens see those after them, which keeps no keys and values. */
  readonly causal: boolean;
}

export function toMemoryFacts(
  tensors: readonly GgufTensor[],
  metadata: ArchitectureMetadata,
  { architecture, causal }: MemoryFactsOptions,
): GgufMemoryFacts {
  const { attention = {}, ssm = {} } = metadata;
  const embeddingLength = metadata.embedding_length ?? 0;
  const heads = largest(attention.head_count) ?? 0;
  const headSize = heads > 0 ? embeddingLength / heads : 0;
  const keyLength = attention.key_length ?? headSize;
  const valueLength = attention.value_length ?? headSize;
  const layers = causal ? listAttentionLayers(tensors) : [];
  const headsKvOf = (layer: number) => atLayer(attention.head_count_kv, layer) ?? heads;
  const keysOf = ({ layer, keys }: AttentionLayer) => keys ?? headsKvOf(layer) * keyLength;
  const valuesOf = ({ layer, values }: AttentionLayer) => values ?? headsKvOf(layer) * valueLength;
  const windowed = attention.sliding_window
    ? layers.filter(({ layer }) => isWindowed(architecture, attention.sliding_window_pattern, layer))
    : [];
  return {
    repackable: groupRepackable(tensors, causal),
    trainContextSize: metadata.context_length ?? 0,
    keyNumbers: sum(layers.map(keysOf)),
    valueNumbers: sum(layers.map(valuesOf)),
    windowedNumbers: sum(windowed.map((layer) => keysOf(layer) + valuesOf(layer))),
    recurrentNumbers: countRecurrent(tensors, metadata),
    embeddingLength,
    feedForwardLength: Math.max(feedForwardOf(metadata), 2 * (ssm.inner_size ?? 0)),
    attentionLength:
      heads * keyLength + Math.max(0, ...layers.map((layer) => keysOf(layer) + valuesOf(layer))),
    heads,
  };
}

function groupRepackable(tensors: readonly GgufTensor[], causal: boolean): RepackableWeights[] {
  const groups = new Map<string, RepackableWeights>();
  const add = (tensor: GgufTensor, tied: boolean) => {
    const type = types[tensor.ggmlType as keyof typeof types];
    const dimensions = tensor.dimensions.map(Number);
    const [, rows = 1, matrices = 1] = dimensions;
    const experts = tensor.name.includes('_exps');
    if (type === undefined || rows === 1 || (matrices > 1 && !experts)) return;
    const bytes = (dimensions.reduce((product, each) => product * each, 1) / type.weights) * type.bytes;
    const rowsMultiple = [32, 8, 4].find((multiple) => rows % multiple === 0) ?? 1;
    const key = [type.name, rowsMultiple, experts, tied].join();
    const known = groups.get(key)?.bytes ?? 0;
    groups.set(key, { type: type.name, bytes: known + bytes, rowsMultiple, experts, tied });
  };
  for (const tensor of tensors) if (!isTable(tensor.name)) add(tensor, false);
  // Without a matrix of its own for the logits, a model takes its token embeddings for that too.
  const embeddings = tensors.find(({ name }) => name === 'token_embd.weight');
  const isTied = causal && !tensors.some(({ name }) => name === 'output.weight');
  if (embeddings !== undefined && isTied) add(embeddings, true);
  return [...groups.values()];
}

interface AttentionLayer {
  readonly layer: number;
  /** Undefined where no tensor of the layer says it. */
  readonly keys: number | undefined;
  readonly values: number | undefined;
}

/** The layers that keep keys and values. */
function listAttentionLayers(tensors: readonly GgufTensor[]): AttentionLayer[] {
  const rows = new Map(tensors.map(({ name, dimensions }) => [name, Number(dimensions[1] ?? 1)]));
  const layers = new Set(
    tensors
      .map(({ name }) => /^blk\.(\d+)\.attn_(?:k|qkv|kv_a_mqa)\.weight$/.exec(name)?.[1])
      .filter((layer) => layer !== undefined)
      .map(Number),
  );
  return [...layers].map((layer) => {
    const rowsOf = (matrix: string) => rows.get(`blk.${layer}.attn_${matrix}.weight`);
    // Multi-head latent attention keeps one compressed vector, from which keys and values are made.
    const compressed = rowsOf('k_b') === undefined ? undefined : rowsOf('kv_a_mqa');
    return compressed === undefined
      ? { layer, keys: rowsOf('k'), values: rowsOf('v') }
      : { layer, keys: compressed, values: 0 };
  });
}

/** As llama.cpp's `llama_hparams::n_embd_r` and `n_embd_s`. */
function countRecurrent(tensors: readonly GgufTensor[], metadata: ArchitectureMetadata): number {
  const { embedding_length: embedding = 0, ssm, wkv, shortconv } = metadata;
  const recurrent = /^blk\.\d+\.(?:ssm_out|time_mix_output|shortconv\.out_proj)\.weight$/;
  const layers = tensors.filter(({ name }) => recurrent.test(name)).length;
  if (wkv?.head_size) return layers * embedding * ((metadata.token_shift_count ?? 2) + wkv.head_size);
  if (shortconv?.l_cache) return layers * embedding * (shortconv.l_cache - 1);
  if (ssm === undefined) return 0;
  const {
    conv_kernel: kernel = 1,
    inner_size: inner = 0,
    state_size: state = 0,
    group_count: groups = 0,
  } = ssm;
  return layers * ((kernel - 1) * (inner + 2 * groups * state) + state * inner);
}

/** The numbers that one token takes in a feed-forward layer; of a mixture, in all experts that it uses. */
function feedForwardOf(metadata: ArchitectureMetadata): number {
  const dense = largest(metadata.feed_forward_length) ?? 0;
  const used = largest(metadata.expert_used_count) ?? 0;
  const expert = largest(metadata.expert_feed_forward_length) ?? dense;
  const shared = largest(metadata.expert_shared_feed_forward_length) ?? 0;
  return Math.max(dense, used * expert + shared);
}

function largest(value: PerLayer | undefined): number | undefined {
  return value === undefined || typeof value === 'number' ? value : Math.max(...value);
}

function atLayer(value: PerLayer | undefined, layer: number): number | undefined {
  return value === undefined || typeof value === 'number' ? value : value[layer];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
