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

async function measure(
  image: string,
  model: BenchModel,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Sample[]> {
  dropPageCache();
  await using own = await startInContainer({
    name: ggufLambda.name,
    image,
    cpus,
    megabytes,
    env: { MODEL_DIR: model.directory },
    mounts: [model.directory],
    command: ['/app/infra/entry.sh', 'completion.handler'],
    completionsPath: invokePath,
  });
  const before = await privateBytes(own);
  const settings = await readSettings(own);
  const peer = subjects.find(({ name }) => name === 'llama-server');
  const ownSamples = await interleave(box, 'Q3_K_S', [toOwnContender(own, before)], rounds);
  // One at a time: two of them fill no box of this size.
  await own[Symbol.asyncDispose]();
  if (peer === undefined) return ownSamples;
  dropPageCache();
  const { contextSize, kvType } = settings;
  await using other = await startPeerInContainer(
    peer,
    { model, threads: cpus, slots: 1, contextSize },
    { cpus, megabytes, flags: ['--cache-type-k', kvType, '--cache-type-v', kvType] },
  );
  return [...ownSamples, ...(await interleave(box, 'Q3_K_S', [toPeerContender(other)], rounds))];
}

function toOwnContender(server: ContainedServer, beforeChat: number): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const invoked = await complete(server, { prompt: storyPrompt(round), maxTokens });
      const chat = await chatDecode(server, round);
      const now = await privateBytes(server);
      return {
        'decode, both ways in': Math.min(toDecodeRate(invoked), chat),
        'private memory': now / 1e6,
        'both ways in, of one alone': now / beforeChat,
      };
    },
  };
}

function toPeerContender(server: ContainedServer): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      // The slower of two requests, as of this project.
      const first = toDecodeRate(await complete(server, { prompt: storyPrompt(round), maxTokens }));
      const second = await chatDecode(server, round);
      return {
        'decode, both ways in': Math.min(first, second),
        'private memory': (await privateBytes(server)) / 1e6,
      };
    },
  };
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

/** The context and the type of its keys and values that this project chose by itself. */
async function readSettings(server: ContainedServer): Promise<{ contextSize: number; kvType: string }> {
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
