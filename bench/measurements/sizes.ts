// Measures start, decode rate and cost of the image as functions of several sizes. Sizes with more processors than this
// machine are extrapolated and marked.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hasAmx } from '../../native/processor.ts';
import { lambdaMegabytesPerCpu } from '../../src/config/cpu.ts';
import type { Architecture } from '../../tools/deploy/lambda-prices.ts';
import { complete, toDecodeRate } from '../completions.ts';
import { emulatorCommand, startInContainer } from '../containers.ts';
import { dollarsPerMillionTokens, extrapolate } from '../cost.ts';
import type { Bench, Measurement, Sample } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { makeRandomModel } from '../random-model/random-model.ts';
import { median } from '../statistics.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import type { BenchModel } from '../subjects/subject.ts';
import { buildImage } from './quotas.ts';

/** Megabytes. */
const functionSizes = [512, 1024, ...[1, 2, 3, 4].map((cpus) => cpus * lambdaMegabytesPerCpu), 10_240];
const maxTokens = 48;
const cache = fileURLToPath(new URL('../../.cache/bench', import.meta.url));

/** Path in the image. On a processor with AMX, functions are also measured without it: Lambda does not promise AMX. */
const amxLibrary = '/app/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-cpu-sapphirerapids.so';

/** A model, and the files that are hidden in the image. */
interface Variant {
  readonly name: string;
  readonly model: BenchModel;
  readonly hidden: readonly string[];
}

/** Megabytes that a process needs besides the weights: the runtime and a context of 2,048 tokens. */
const overheadMegabytes = 300;

interface Measured {
  readonly megabytes: number;
  readonly tokensPerSecond: number;
  readonly startMs?: number;
}

export const sizes: Measurement = {
  name: 'sizes',
  description: `functions of several sizes: ${maxTokens} tokens`,
  needsContainers: true,
  metrics: [
    { name: 'decode', unit: 'tokens/s', better: 'higher' },
    { name: 'start', unit: 'ms', better: 'lower' },
    { name: 'x86_64', unit: '$ per million tokens', better: 'lower' },
    { name: 'arm64, at the same speed', unit: '$ per million tokens', better: 'lower' },
  ],
  async run(bench) {
    const image = await buildImage();
    const random = await makeRandomModel('random-1b-q4_0', cache, bench.model);
    const samples: Sample[] = [];
    for (const model of [bench.model, random]) {
      for (const variant of toVariants(model)) samples.push(...(await measureVariant(bench, variant, image)));
    }
    return samples;
  },
};

function toVariants(model: BenchModel): Variant[] {
  const plain = { name: model.name, model, hidden: [] };
  return hasAmx ? [plain, { name: `${model.name}, without AMX`, model, hidden: [amxLibrary] }] : [plain];
}

async function measureVariant({ rounds }: Bench, variant: Variant, image: string): Promise<Sample[]> {
  const { model } = variant;
  const fitting = functionSizes.filter((megabytes) => megabytes >= model.bytes / 1e6 + overheadMegabytes);
  const measured: Measured[] = [];
  for (const megabytes of fitting.filter((each) => each / lambdaMegabytesPerCpu <= availableParallelism())) {
    measured.push(await measureSize(megabytes, variant, image, rounds));
  }
  const at = (cpus: number) =>
    measured.find(({ megabytes }) => megabytes === cpus * lambdaMegabytesPerCpu)?.tokensPerSecond;
  const [one, two] = [at(1), at(2)];
  const extrapolated: Measured[] =
    one === undefined || two === undefined
      ? []
      : fitting
          .filter((megabytes) => megabytes / lambdaMegabytesPerCpu > availableParallelism())
          .map((megabytes) => ({
            megabytes,
            tokensPerSecond: extrapolate(one, two, Math.floor(megabytes / lambdaMegabytesPerCpu)),
          }));
  const all = [...measured, ...extrapolated];
  for (const architecture of ['x86_64', 'arm64'] as const) printCheapest(variant, all, architecture);
  return all.flatMap((each) => toSamples(each, variant, extrapolated.includes(each)));
}

async function measureSize(
  megabytes: number,
  { model, hidden }: Variant,
  image: string,
  rounds: number,
): Promise<Measured> {
  await using server = await startInContainer({
    ...emulatorCommand,
    name: ggufLambda.name,
    image,
    cpus: megabytes / lambdaMegabytesPerCpu,
    megabytes,
    mounts: [model.directory],
    hidden,
    // Lambda sets this variable. The emulator's default is 3,008 MB.
    env: { MODEL_DIR: model.directory, AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(megabytes) },
  });
  const speeds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    speeds.push(toDecodeRate(await complete(server, { prompt: storyPrompt(round), maxTokens })));
  }
  return { megabytes, tokensPerSecond: median(speeds), startMs: server.firstCompletionMs };
}

function printCheapest({ name }: Variant, all: readonly Measured[], architecture: Architecture): void {
  const dollars = ({ megabytes, tokensPerSecond }: Measured) =>
    dollarsPerMillionTokens(megabytes, tokensPerSecond, architecture);
  const [cheapest] = all.toSorted((one, other) => dollars(one) - dollars(other));
  if (cheapest === undefined) return;
  process.stderr.write(
    `bench: ${name} is cheapest on ${architecture} with ${cheapest.megabytes} MB: ` +
      `$${dollars(cheapest).toFixed(2)} per million tokens\n`,
  );
}

function toSamples(
  { megabytes, tokensPerSecond, startMs }: Measured,
  { name: variant }: Variant,
  isExtrapolated: boolean,
): Sample[] {
  const values = [
    tokensPerSecond,
    startMs,
    dollarsPerMillionTokens(megabytes, tokensPerSecond, 'x86_64'),
    dollarsPerMillionTokens(megabytes, tokensPerSecond, 'arm64'),
  ];
  return sizes.metrics.flatMap(({ name: metric, unit, better }, index) => {
    const value = values[index];
    if (value === undefined) return [];
    return {
      measurement: sizes.name,
      variant,
      metric,
      unit,
      better,
      subject: `${megabytes} MB${isExtrapolated ? ', extrapolated' : ''}`,
      round: 0,
      value,
    };
  });
}
