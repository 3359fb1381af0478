// What the engine must know of a model and llama.cpp's library for Node does not tell: it stands in the GGUF's header.
// The store keeps it in the model's manifest, because reading a header takes a third of a second of every cold start.
import { GgufError } from './gguf-error.ts';
import {
  type ArchitectureMetadata,
  type GgufMemoryFacts,
  type GgufTensor,
  toMemoryFacts,
} from './gguf-memory.ts';

/** The facts of a GGUF's header that the engine goes by. */
export interface GgufFacts {
  /** llama.cpp's name of the architecture, such as `llama` or `bert`. */
  readonly architecture: string;
  /** Tokens in the vocabulary. */
  readonly vocabularySize: number;
  /** How tokens are written: `tokenizer.ggml.model`, such as `gpt2` or `llama`. */
  readonly tokenizer: string;
  /** The Jinja template that turns messages into a prompt. */
  readonly chatTemplate: string | null;
  /** The template that turns a query and a document into one text. */
  readonly rerankTemplate: string | null;
  /** Whether a text ends with the end-of-sequence token; null where the vocabulary's type decides. */
  readonly addsEosToken: boolean | null;
  /** Whether a separator follows the first of two texts; null where the vocabulary's type decides. */
  readonly addsSeparator: boolean | null;
  /** Whether a token sees only those before it. */
  readonly causal: boolean;
  /** `<architecture>.pooling_type`, by llama.cpp's numbers; null where there is none. */
  readonly poolingType: number | null;
  /** Whether there is a classifier to score with. */
  readonly hasClassifier: boolean;
  /** `general.tags`: those of the model card that it was converted with. */
  readonly tags: readonly string[];
  /** Tokens that a layer of a sliding-window model sees; null for any other. */
  readonly slidingWindow: number | null;
  /** What decides how much memory it takes. */
  readonly memory: GgufMemoryFacts;
}

/** What of a header is read here, as node-llama-cpp's reader gives it. */
export interface GgufHeader {
  readonly metadata: {
    readonly general?: { readonly architecture?: string; readonly tags?: unknown };
    readonly tokenizer?: unknown;
  };
  readonly architectureMetadata?: unknown;
  readonly fullTensorInfo?: readonly GgufTensor[];
}

interface TokenizerMetadata {
  readonly chat_template?: string;
  readonly 'chat_template.rerank'?: string;
  readonly ggml?: {
    readonly model?: string;
    readonly tokens?: readonly string[];
    readonly add_eos_token?: boolean;
    readonly add_sep_token?: boolean;
  };
}

/** The tensors that llama.cpp's rank pooling scores with, one or the other. */
const classifierTensors = ['cls.weight', 'cls.output.weight'];

/** Takes from a header what the engine goes by. */
export function toGgufFacts({ metadata, architectureMetadata, fullTensorInfo = [] }: GgufHeader): GgufFacts {
  const { general } = metadata;
  const tokenizer = (metadata.tokenizer ?? {}) as TokenizerMetadata;
  const own = (architectureMetadata ?? {}) as ArchitectureMetadata;
  const { pooling_type, attention } = own;
  const causal = attention?.causal ?? true;
  const architecture = general?.architecture ?? 'unknown';
  return {
    architecture,
    vocabularySize: tokenizer.ggml?.tokens?.length ?? 0,
    tokenizer: tokenizer.ggml?.model ?? 'unknown',
    chatTemplate: tokenizer.chat_template ?? null,
    rerankTemplate: tokenizer['chat_template.rerank'] ?? null,
    addsEosToken: tokenizer.ggml?.add_eos_token ?? null,
    addsSeparator: tokenizer.ggml?.add_sep_token ?? null,
    causal,
    poolingType: pooling_type ?? null,
    hasClassifier: fullTensorInfo.some(({ name }) => classifierTensors.includes(name)),
    tags: Array.isArray(general?.tags) ? general.tags.map(String) : [],
    slidingWindow: attention?.sliding_window || null,
    memory: toMemoryFacts(fullTensorInfo, own, { architecture, causal }),
  };
}

/**
 * Reads the facts from the header itself; of a split model give the first part. It takes a third of a second.
 *
 * @throws {GgufError} when the header cannot be read
 */
export async function readGgufFacts(path: string): Promise<GgufFacts> {
  // Bundles have only this function of the package.
  const { readGgufFileInfo } = await import('node-llama-cpp');
  try {
    return toGgufFacts(await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false }));
  } catch (cause) {
    throw new GgufError(`${path} has no readable GGUF header.`, { cause });
  }
}
