// The Lambda function `completion`: loads the model once per environment, before the first invocation.
import { loadLlamaEngine } from '../shared/engine/llama-engine.ts';
import { readManifest } from '../shared/model/manifest.ts';
import { readConfig } from '../shared/platform/config.ts';
import { definePipeline } from './pipeline.ts';

const { modelDirectory, contextSize, threads } = readConfig(process.env);
const manifest = readManifest(modelDirectory);
// A model that cannot be loaded rejects here, which Lambda reports as an init error.
const engine = await loadLlamaEngine({
  modelPath: `${modelDirectory}/${manifest.file}`,
  contextSize,
  threads,
});

export const handler = definePipeline({ engine, model: manifest.name });
