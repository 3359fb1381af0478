// Measures the decode rate and the time to the first token of a single stream.
import { complete, stream } from '../completions.ts';
import {
  type Bench,
  type Contender,
  interleave,
  type LlamaBench,
  type Measurement,
  type Sample,
  threadsVariant,
} from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

const maxTokens = 128;

export const decode: Measurement = {
  name: 'decode',
  description: `one stream of ${maxTokens} tokens`,
  metrics: [
    {
      name: 'decode',
      unit: 'tokens/s',
      better: 'higher',
      goal: { timesOf: 'llama-bench', atLeast: 0.97 },
    },
    { name: 'first token', unit: 'ms', better: 'lower' },
  ],
  async run(bench) {
    const samples: Sample[] = [];
    for (const threads of new Set([1, bench.threads])) samples.push(...(await measure(bench, threads)));
    return samples;
  },
};

async function measure({ subjects, llamaBench, model, rounds }: Bench, threads: number): Promise<Sample[]> {
  const settings = { model, threads, slots: 1, contextSize: 512 };
  await using started = await startServers(subjects, settings);
  const [own] = started.servers;
  const { promptTokens } = own
    ? await complete(own, { prompt: storyPrompt(0), maxTokens: 1 })
    : { promptTokens: 0 };
  const contenders = [
    ...started.servers.map(toContender),
    ...(llamaBench === undefined ? [] : [toBareContender(llamaBench, threads, promptTokens)]),
  ];
  return await interleave(decode, threadsVariant(threads), contenders, rounds);
}

function toContender(server: Server): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const answer = await stream(server, { prompt: storyPrompt(round), maxTokens });
      const { startedAt, firstTokenAt, lastTokenAt, completionTokens } = answer;
      return {
        decode: ((completionTokens - 1) * 1000) / (lastTokenAt - firstTokenAt),
        'first token': firstTokenAt - startedAt,
      };
    },
  };
}

function toBareContender(llamaBench: LlamaBench, threads: number, depth: number): Contender {
  return {
    subject: 'llama-bench',
    take: async () => ({ decode: await llamaBench({ generated: maxTokens, depth }, threads) }),
  };
}
