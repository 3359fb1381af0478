// What a GGUF says of itself in its header. node-llama-cpp reads it, and is loaded only when a header is read.
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type GgufFacts, toGgufFacts } from '../../src/model/gguf-facts.ts';
import { reasonOf, StoreError } from './errors.ts';

/** The facts of a GGUF's header that the catalog keeps or `add` shows. */
export interface GgufDescription {
  /** llama.cpp's name of the architecture, such as `llama` or `qwen3`. */
  readonly architecture: string;
  readonly title: string | null;
  readonly licence: string | null;
  /** Tokens; null where the header does not say. */
  readonly contextLength: number | null;
  /** Such as `Q4_K_M`; null where the header does not say. */
  readonly quantisation: string | null;
  /** The number of weights in its tensors; null where it has none. */
  readonly parameters: number | null;
  /** Whether it is for texts, not for embeddings or rankings. */
  readonly generates: boolean;
  /** What the engine goes by. */
  readonly facts: GgufFacts;
}

/**
 * Reads a GGUF's header; of a split model give the first part.
 *
 * @throws {StoreError} `not-gguf` when the header cannot be read
 */
export async function describeGguf(path: string): Promise<GgufDescription> {
  try {
    const { GgufFileType, readGgufFileInfo } = await import('node-llama-cpp');
    const info = await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false });
    const { general } = info.metadata;
    const facts = toGgufFacts(info);
    const tensors = info.fullTensorInfo ?? [];
    // The reader takes what lies beyond the file's end for zeros.
    const starts = tensors
      .filter((tensor) => tensor.filePart === 1)
      .map((tensor) => Number(tensor.fileOffset));
    if ((await stat(path)).size < Math.max(info.infoEndOffset ?? 0, ...starts))
      throw new Error('the file ends too early');
    const fileType = general?.file_type === undefined ? undefined : GgufFileType[general.file_type];
    const weights = tensors.map((tensor) =>
      tensor.dimensions.reduce<number>((product, dimension) => product * Number(dimension), 1),
    );
    return {
      architecture: general?.architecture ?? 'unknown',
      title: general?.name || null,
      licence: general?.license || null,
      contextLength: info.architectureMetadata?.context_length ?? null,
      quantisation: fileType?.replace(/^(MOSTLY|ALL)_/, '') ?? null,
      parameters: weights.reduce((sum, count) => sum + count, 0) || null,
      generates: facts.causal && !facts.poolingType && !facts.hasClassifier,
      facts,
    };
  } catch (error) {
    throw new StoreError('not-gguf', `${basename(path)} has no readable GGUF header: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
}
