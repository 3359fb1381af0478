// llama.cpp's modules without the engine: the default model, a context of one sequence, and a greedy sampler.
import type {
  AddonContext,
  AddonModel,
  Inference,
  NativeSampler,
  OpenedAddon,
} from '../../src/engine/llama/llama-addon.ts';
import { toSamplerConfig } from '../../src/engine/llama/sampler-config.ts';
import { modelPath } from './default-model.ts';
import { greedy } from './generation.ts';

/** Of the default model. */
export const vocabularySize = 49_152;

export interface BareContext {
  readonly model: AddonModel;
  readonly context: AddonContext;
  readonly inference: Inference;
  readonly sampler: NativeSampler;
  /** Evaluates tokens behind a position of the sequence, of which nothing may be there yet, and gives the last one's output. */
  evaluate(tokens: Uint32Array, position: number): Promise<number>;
  /** Evaluates tokens on the emptied sequence and chooses what follows. */
  begin(tokens: Uint32Array): Promise<number>;
  dispose(): Promise<void>;
}

/** The context holds so many tokens, and evaluates as many together. */
export async function createBareContext(
  {
    addon,
    inference: { Inference, Sampler, loadModel, shareCells, createContext },
  }: Pick<OpenedAddon, 'addon' | 'inference'>,
  contextSize: number,
  threads = 1,
): Promise<BareContext> {
  const model = new addon.AddonModel(modelPath, { addonExports: addon, gpuLayers: 0, useMmap: true });
  await loadModel(model);
  const context = new addon.AddonContext(model, {
    contextSize,
    batchSize: contextSize,
    sequences: 1,
    threads,
    flashAttention: true,
  });
  // As the engine does for one slot.
  shareCells(context);
  await createContext(context);
  const inference = new Inference(context, { threads });
  const request = { prompt: [], maxTokens: contextSize, sampling: greedy };
  const sampler = new Sampler(model, toSamplerConfig(request, vocabularySize));

  async function evaluate(tokens: Uint32Array, position: number): Promise<number> {
    context.initBatch(tokens.length);
    const [output = -1] = context.addToBatch(0, position, tokens, Uint32Array.of(tokens.length - 1));
    await inference.decode();
    return output;
  }
  return {
    model,
    context,
    inference,
    sampler,
    evaluate,
    async begin(tokens) {
      context.disposeSequence(0);
      return inference.sample(await evaluate(tokens, 0), sampler);
    },
    async dispose() {
      sampler.dispose();
      await inference.dispose();
      await model.dispose();
    },
  };
}
