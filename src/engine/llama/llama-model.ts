// Loads a model into llama.cpp, together with the facts of its GGUF.
import { GgufError } from '../../model/gguf-error.ts';
import { type GgufFacts, readGgufFacts } from '../../model/gguf-facts.ts';
import { assertGgufHeader } from '../../model/gguf-header.ts';
import {
  type AddonModel,
  type InferenceModule,
  type LlamaAddon,
  type NativeTokenPieces,
  openLlamaAddon,
} from './llama-addon.ts';

export interface LlamaModel {
  readonly addon: LlamaAddon;
  /** The release of the native module, such as `node-llama-cpp 3.22.1`. */
  readonly release: string;
  readonly inference: InferenceModule;
  readonly native: AddonModel;
  readonly tokenPieces: NativeTokenPieces;
  readonly facts: GgufFacts;
  /** Whether its state can go back to an earlier token; a recurrent model's cannot. */
  readonly canForget: boolean;
}

export interface LlamaModelOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** The facts of the GGUF when they are known already; reading them takes a third of a second. */
  readonly facts?: GgufFacts | undefined;
  /** Whether llama.cpp repacks weights in private memory, in the layout that suits the processor. Default true. */
  readonly repack?: boolean;
  /** Integers that replace those of the GGUF. */
  readonly overrides?: Readonly<Record<string, number>>;
}

/**
 * Loads a model for the CPU. Its weights are mapped from the file, and read when they are first used.
 *
 * @throws {GgufError} when the file is missing or is not a GGUF
 * @throws {Error} when llama.cpp cannot load the model
 */
export async function loadLlamaModel({
  modelPath,
  facts,
  repack = true,
  overrides,
}: LlamaModelOptions): Promise<LlamaModel> {
  assertGgufHeader(modelPath);
  const { addon, inference, release } = openLlamaAddon();
  const native = new addon.AddonModel(modelPath, {
    addonExports: addon,
    gpuLayers: 0,
    useMmap: true,
    ...(overrides && {
      overridesList: Object.entries(overrides).map(([key, value]) => [key, value, 0] as const),
    }),
  });
  if (!repack) inference.setRepack(native, false);
  if (!(await inference.loadModel(native))) throw new Error('llama.cpp does not take it');
  try {
    // Only after llama.cpp has loaded it: the library's reader never ends on some files that llama.cpp refuses.
    const known = facts ?? (await readGgufFacts(modelPath));
    const { getIsArchRecurrent, getIsArchHybrid } = addon;
    const canForget = !getIsArchRecurrent(known.architecture) && !getIsArchHybrid(known.architecture);
    const tokenPieces = new inference.TokenPieces(native);
    return { addon, inference, release, native, tokenPieces, facts: known, canForget };
  } catch (error) {
    await native.dispose();
    throw error;
  }
}

/**
 * Reads the facts of a GGUF that has no manifest, in half a second.
 *
 * @throws {GgufError} when it is missing, is not a GGUF, or cannot be loaded
 */
export async function describeModel(modelPath: string): Promise<GgufFacts> {
  assertGgufHeader(modelPath);
  const { addon, inference } = openLlamaAddon();
  const vocabulary = new addon.AddonModel(modelPath, {
    addonExports: addon,
    gpuLayers: 0,
    useMmap: true,
    vocabOnly: true,
  });
  // The library's reader never ends on some files that llama.cpp refuses.
  if (!(await inference.loadModel(vocabulary)))
    throw new GgufError(
      `${modelPath} cannot be loaded: llama.cpp does not take it. The log has what llama.cpp says.`,
    );
  await vocabulary.dispose();
  return readGgufFacts(modelPath);
}
