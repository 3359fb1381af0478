// The part of `npm run doctor` that takes the packages: memory, processor, the default model, and its speed here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { complete } from '../../src/api/completions/completions.ts';
import { readThreads } from '../../src/config/cpu.ts';
import { readMemoryLimits, toMemoryRoom } from '../../src/config/memory.ts';
import { openLlamaAddon } from '../../src/engine/llama/llama-addon.ts';
import { toMebibytes } from '../../src/engine/memory.ts';
import { toRequestContext } from '../../src/generation/context.ts';
import { loadModel } from '../../src/startup/load-model.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { findArtifact } from '../store/artifact.ts';
import { readCatalog } from '../store/catalog.ts';
import { reasonOf } from '../store/errors.ts';
import { readStoreLocation } from '../store/location.ts';
import { isStored, verifyStored } from '../store/stored.ts';
import { print } from './line.mjs';

function fix(subject: string, finding: string): void {
  process.exitCode = 1;
  print('fix', subject, finding);
}

function checkMemory(): void {
  const { bytes, limit } = toMemoryRoom({ ...readMemoryLimits(process.env), own: 0 });
  const finding = `${toMebibytes(bytes)} MiB for a model: ${limit}`;
  if (bytes >= 512 * 1024 * 1024) print('ok', 'memory', finding);
  else fix('memory', `${finding}: the default model takes 512 MiB`);
}

function checkProcessor(): void {
  const features = openLlamaAddon().inference.listProcessorFeatures().join(', ') || 'none';
  const { count } = readThreads(process.env);
  print('ok', 'processor', `threads that decode: ${count}; features that llama.cpp uses: ${features}`);
}

/** @returns the model's folder, where its files are right */
async function checkModel(): Promise<string | undefined> {
  const location = readStoreLocation(process.env);
  const catalog = readCatalog(location.catalog);
  const artifact = findArtifact(catalog, catalog.default, process.arch);
  if (!isStored(location.root, artifact) && !existsSync(join(location.root, artifact.name))) {
    fix('model', `${artifact.name} is not in the store: npm run model -- fetch`);
    return undefined;
  }
  try {
    const { sha256 } = await verifyStored(location.root, artifact, undefined);
    print('ok', 'model', `${artifact.name}, SHA-256 ${sha256} verified`);
    return join(location.root, artifact.name);
  } catch (error) {
    fix('model', `${reasonOf(error)} Mend it: npm run model -- fetch ${artifact.name}`);
    return undefined;
  }
}

async function measureSpeed(modelDirectory: string): Promise<void> {
  const { engine, name } = await loadModel({ ...process.env, MODEL_DIR: modelDirectory, PREFIX_DIR: '' });
  await using _engine = engine;
  if (engine.slots === 0) {
    print('ok', 'speed', 'not measured: the model generates no text');
    return;
  }
  const body = { prompt: 'Once upon a time', max_tokens: 64, temperature: 0, ignore_eos: true };
  const { signal } = new AbortController();
  const context = toRequestContext(new Telemetry().begin({ id: 'doctor' }), { signal });
  const answer = await complete(body, { engine, model: name }, context);
  const rate = 'timings' in answer ? answer.timings?.predicted_per_second : undefined;
  print('ok', 'speed', `${rate?.toFixed(0)} tokens/s for one answer`);
}

checkMemory();
checkProcessor();
const model = await checkModel();
try {
  if (model !== undefined) await measureSpeed(model);
} catch (error) {
  fix('speed', reasonOf(error));
}
