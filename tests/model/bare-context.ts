// llama.cpp's modules without the engine: the default model, a context of one sequence, and a greedy sampler.
import type {
  AddonContext,
  AddonModel,
  AddonSampler,
  Inference,
  OpenedAddon,
} from '../../src/engine/llama/llama-addon.ts';
import { modelPath } from './default-model.ts';

export interface BareContext {
  readonly model: AddonModel;
  readonly context: AddonContext;
  readonly inference: Inference;
  readonly sampler: AddonSampler;
  /** Evaluates tokens behind a position of the sequence, of which nothing may be there yet, and gives the last one's output. */
  evaluate(tokens: Uint32Array, position: number): Promise<number>;
  /** Evaluates tokens on the emptied sequence and chooses what follows. */
  begin(tokens: Uint32Array): Promise<number>;
  dispose(): Promise<void>;
}

/** With one thread. The context holds so many tokens, and evaluates as many together. */
export async function createBareContext(
  { addon, inference: { Inference } }: Pick<OpenedAddon, 'addon' | 'inference'>,
  contextSize: number,
): Promise<BareContext> {
  const model = new addon.AddonModel(modelPath, { addonExports: addon, gpuLayers: 0, useMmap: true });
  await model.init();
  const context = new addon.AddonContext(model, {
    contextSize,
    batchSize: contextSize,
    sequences: 1,
    threads: 1,
    flashAttention: true,
    swaFullCache: true,
  });
  await context.init();
  const inference = new Inference(context, 1);
  const sampler = new addon.AddonSampler(model);
  sampler.applyConfig({ temperature: 0, topP: 1, minP: 0, seed: 0 });

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
