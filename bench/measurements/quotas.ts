// Measures the image and llama-server under the CPU quotas of small Lambda functions. Both run with their defaults,
// except for the threads of llama-server: one is fastest here, and its default is one per core.
import { fileURLToPath } from 'node:url';
import { complete, toDecodeRate } from '../completions.ts';
import {
  baseImage,
  type ContainedServer,
  docker,
  emulatorCommand,
  startInContainer,
  startPeerInContainer,
} from '../containers.ts';
import { type Contender, interleave, type Measurement, type Sample } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import type { BenchModel, Subject } from '../subjects/subject.ts';

const image = 'gguf-lambda:bench';
const maxTokens = 64;

/** Virtual CPUs. Lambda gives 0.29 to 512 MB and 1 to 1,769 MB. */
const quotaSizes = [0.29, 0.5, 1];

export const quotas: Measurement = {
  name: 'quotas',
  description: `the image under CPU quotas: ${maxTokens} tokens, and the start through the emulator`,
  needsContainers: true,
  metrics: [
    { name: 'decode', unit: 'tokens/s', better: 'higher', goal: { timesOf: 'llama-server', atLeast: 1 } },
    { name: 'start', unit: 'ms', better: 'lower' },
    { name: 'image', unit: 'MB', better: 'lower', goal: { atMost: 90 } },
  ],
  async run({ subjects, model, rounds }) {
    await buildImage();
    const samples: Sample[] = [await measureImage(model)];
    for (const cpus of quotaSizes) samples.push(...(await measure(cpus, subjects, model, rounds)));
    return samples;
  },
};

/** Builds the image of this checkout, and returns its name. */
export async function buildImage(): Promise<string> {
  await docker('build', '--quiet', '--tag', image, fileURLToPath(new URL('../..', import.meta.url)));
  return image;
}

async function measure(
  cpus: number,
  subjects: readonly Subject[],
  model: BenchModel,
  rounds: number,
): Promise<Sample[]> {
  const settings = { model, threads: 1, slots: 1, contextSize: 2048 };
  await using own = await startInContainer({
    ...emulatorCommand,
    name: ggufLambda.name,
    image,
    cpus,
    env: { CONTEXT_SIZE: String(settings.contextSize) },
  });
  const peer = subjects.find(({ name }) => name === 'llama-server');
  await using other = peer && (await startPeerInContainer(peer, settings, { cpus }));
  const contenders = [own, other].filter((server) => server !== undefined).map(toContender);
  return await interleave(quotas, `${cpus} vCPU`, contenders, rounds);
}

function toContender(server: ContainedServer): Contender {
  let start: number | undefined = server.firstCompletionMs;
  return {
    subject: server.subject,
    take: async (round) => {
      const completion = await complete(server, { prompt: storyPrompt(round), maxTokens });
      const values = { decode: toDecodeRate(completion) };
      if (start === undefined || round < 0) return values;
      const once = { ...values, start };
      start = undefined;
      return once;
    },
  };
}

async function measureImage({ bytes }: BenchModel): Promise<Sample> {
  const size = async (name: string) =>
    Number(await docker('image', 'inspect', '--format', '{{.Size}}', name));
  const value = ((await size(image)) - (await size(baseImage)) - bytes) / 1e6;
  return {
    measurement: quotas.name,
    variant: 'less base less model',
    metric: 'image',
    unit: 'MB',
    better: 'lower',
    subject: ggufLambda.name,
    round: 0,
    value,
  };
}
