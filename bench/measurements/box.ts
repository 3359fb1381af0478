// A model of 7 billion parameters in a container of 4 GB and 2 CPUs, with a cold page cache and default settings.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { invokePath } from '../../src/server/invoke-path.ts';
import { complete, toDecodeRate } from '../completions.ts';
import { type ContainedServer, docker, startInContainer, startPeerInContainer } from '../containers.ts';
import { post, toText } from '../http-client.ts';
import { type Contender, interleave, type Measurement, type Sample } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { makeRandomModel } from '../random-model/random-model.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { completionsPath } from '../subjects/server-process.ts';
import type { BenchModel, Subject } from '../subjects/subject.ts';
import { buildImage } from './quotas.ts';

const megabytes = 4096;
const cpus = 2;
const maxTokens = 32;
const cache = fileURLToPath(new URL('../../.cache/bench', import.meta.url));

export const box: Measurement = {
  name: 'box',
  description: `random weights of Llama 2 7B's shape in a container of ${megabytes} MB and ${cpus} CPUs, cold page cache`,
  needsContainers: true,
  metrics: [
    {
      name: 'decode, both ways in',
      unit: 'tokens/s',
      better: 'higher',
      goal: { timesOf: 'llama-server', atLeast: 0.95 },
    },
    { name: 'private memory', unit: 'MB', better: 'lower' },
    { name: 'both ways in, of one alone', unit: 'private memory', better: 'lower', goal: { atMost: 1.05 } },
  ],
  async run({ subjects, model, rounds }) {
    const image = await buildImage();
    const mapped = await makeRandomModel('random-7b-q3_k_s', cache, model);
    const samples = await measure(image, mapped, subjects, rounds);
    await assertRefused(image, await makeRandomModel('random-7b-q4_0', cache, model));
    return samples;
  },
};

/** Each round starts each server anew, one after the other: two of them fill no box of this size. */
async function measure(
  image: string,
  model: BenchModel,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Sample[]> {
  let settings: ChosenSettings | undefined;
  const own: Contender = {
    subject: ggufLambda.name,
    take: async (round) => {
      await using server = await startOwn(image, model);
      const before = await privateBytes(server);
      settings = await readSettings(server);
      const decode = await decodeBothWays(server, round);
      const now = await privateBytes(server);
      return {
        'decode, both ways in': decode,
        'private memory': now / 1e6,
        'both ways in, of one alone': now / before,
      };
    },
  };
  const peer = subjects.find(({ name }) => name === 'llama-server');
  if (peer === undefined) return interleave(box, 'Q3_K_S', [own], rounds);
  const other: Contender = {
    subject: peer.name,
    take: async (round) => {
      settings ??= await chosenSettings(image, model);
      await using server = await startPeer(peer, model, settings);
      const decode = await decodeBothWays(server, round);
      return { 'decode, both ways in': decode, 'private memory': (await privateBytes(server)) / 1e6 };
    },
  };
  return interleave(box, 'Q3_K_S', [own, other], rounds);
}

function startOwn(image: string, model: BenchModel): Promise<ContainedServer> {
  dropPageCache();
  return startInContainer({
    name: ggufLambda.name,
    image,
    cpus,
    megabytes,
    env: { MODEL_DIR: model.directory },
    mounts: [model.directory],
    command: ['/app/infra/entry.sh', 'completion.handler'],
    completionsPath: invokePath,
  });
}

/** With the context and the type of its keys and values that this project chose. */
function startPeer(
  peer: Subject,
  model: BenchModel,
  { contextSize, kvType }: ChosenSettings,
): Promise<ContainedServer> {
  dropPageCache();
  return startPeerInContainer(
    peer,
    { model, threads: cpus, slots: 1, contextSize },
    { cpus, megabytes, flags: ['--cache-type-k', kvType, '--cache-type-v', kvType] },
  );
}

async function chosenSettings(image: string, model: BenchModel): Promise<ChosenSettings> {
  await using server = await startOwn(image, model);
  return await readSettings(server);
}

/** Tokens per second of the slower of two requests: this project's are by the invoke URL and by /v1. */
async function decodeBothWays(server: ContainedServer, round: number): Promise<number> {
  const first = toDecodeRate(await complete(server, { prompt: storyPrompt(round), maxTokens }));
  return Math.min(first, await chatDecode(server, round));
}

/** Tokens per second of a chat's answer. */
async function chatDecode(server: ContainedServer, round: number): Promise<number> {
  const { parts } = await post(toUrl(server, '/v1/chat/completions'), {
    model: 'random-7b-q3_k_s',
    messages: [{ role: 'user', content: storyPrompt(round) }],
    max_tokens: maxTokens,
    temperature: 0,
  });
  const { usage, timings } = JSON.parse(toText(parts)) as {
    usage: { completion_tokens: number };
    timings: { predicted_ms: number };
  };
  return toDecodeRate({ completionTokens: usage.completion_tokens, decodeMs: timings.predicted_ms });
}

function toUrl({ url }: ContainedServer, path: string): string {
  return url.replace(invokePath, path).replace(completionsPath, path);
}

/** What this project chose by itself. */
interface ChosenSettings {
  readonly contextSize: number;
  readonly kvType: string;
}

async function readSettings(server: ContainedServer): Promise<ChosenSettings> {
  const props = (await (await fetch(toUrl(server, '/props'))).json()) as {
    default_generation_settings: { n_ctx: number };
    kv_type: string;
  };
  return { contextSize: props.default_generation_settings.n_ctx, kvType: props.kv_type };
}

/** Anonymous memory of all processes of a container, in bytes. */
async function privateBytes({ id }: ContainedServer): Promise<number> {
  const lines = await docker(
    'exec',
    id,
    'sh',
    '-c',
    'grep -h RssAnon /proc/[0-9]*/status 2>/dev/null || true',
  );
  return [...lines.matchAll(/(\d+) kB/g)].reduce((sum, [, kibibytes]) => sum + Number(kibibytes) * 1024, 0);
}

/** The page cache counts towards the container that read a page first, so pages of earlier runs must go. Takes root. */
function dropPageCache(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

/** A model that does not fit must end with one line and exit code 1. */
async function assertRefused(image: string, model: BenchModel): Promise<void> {
  dropPageCache();
  const id = await docker(
    'run',
    '--detach',
    ...['--memory', `${megabytes}m`, '--cpus', String(cpus)],
    ...['--volume', `${model.directory}:${model.directory}:ro`, '--env', `MODEL_DIR=${model.directory}`],
    image,
  );
  try {
    const code = Number(await docker('wait', id));
    const { stderr } = await promisify(execFile)('docker', ['logs', id]);
    process.stderr.write(`bench: ${model.name} in ${megabytes} MB: exit code ${code}: ${stderr}`);
    if (code !== 1) throw new Error(`${model.name} ended with ${code} instead of 1.`);
  } finally {
    await docker('rm', '--force', id);
  }
}
