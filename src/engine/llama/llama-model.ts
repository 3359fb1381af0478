// A model of llama.cpp: the native one, and what its GGUF tells beside it.
import { type GgufFacts, readGgufFacts } from '../../model/gguf-facts.ts';
import { assertGgufHeader } from '../../model/gguf-header.ts';
import { type AddonModel, type LlamaAddon, openLlamaAddon, type TokenLoopAddon } from './llama-addon.ts';

export interface LlamaModel {
  readonly addon: LlamaAddon;
  /** Which release of the addon. */
  readonly release: string;
  /** Undefined where it could not be opened. */
  readonly tokenLoop: TokenLoopAddon | undefined;
  readonly native: AddonModel;
  readonly facts: GgufFacts;
  /** Whether its state can be cut back to the beginning of a text: a recurrent one cannot. */
  readonly canForget: boolean;
}

export interface LlamaModelOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** What its header tells, if that is known already; else it is read, which takes a third of a second. */
  readonly facts?: GgufFacts | undefined;
  /** Whole numbers that take the place of the GGUF's own. */
  readonly overrides?: Readonly<Record<string, number>>;
}

/**
 * Loads a model, on the CPU. Its weights are mapped from the file, and read when they are first needed.
 *
 * @throws {GgufError} when the file is missing or is no GGUF
 * @throws {Error} when llama.cpp does not know the model
 */
export async function loadLlamaModel({
  modelPath,
  facts,
  overrides,
}: LlamaModelOptions): Promise<LlamaModel> {
  assertGgufHeader(modelPath);
  const { addon, release, tokenLoop } = await openLlamaAddon();
  const native = new addon.AddonModel(modelPath, {
    addonExports: addon,
    gpuLayers: 0,
    useMmap: true,
    ...(overrides && {
      overridesList: Object.entries(overrides).map(([key, value]) => [key, value, 0] as const),
    }),
  });
  if (!(await native.init())) throw new Error('llama.cpp does not take it');
  try {
    // Only now: the library's reader would go on for ever on some files that llama.cpp refuses.
    const known = facts ?? (await readGgufFacts(modelPath));
    const { getIsArchRecurrent, getIsArchHybrid } = addon;
    const canForget = !getIsArchRecurrent(known.architecture) && !getIsArchHybrid(known.architecture);
    return { addon, release, tokenLoop, native, facts: known, canForget };
  } catch (error) {
    await native.dispose();
    throw error;
  }
}
