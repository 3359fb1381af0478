// Measures the prefill rate: a long prompt and one generated token.
import { complete } from '../completions.ts';
import {
  type Bench,
  type Contender,
  interleave,
  type LlamaBench,
  type Measurement,
  type Sample,
  threadsVariant,
} from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

const promptTokens = 512;

export const prefill: Measurement = {
  name: 'prefill',
  description: `a prompt of ${promptTokens} tokens and one generated token`,
  metrics: [
    { name: 'prefill', unit: 'tokens/s', better: 'higher', goal: { timesOf: 'llama-bench', atLeast: 1 } },
    { name: 'first token', unit: 'ms', better: 'lower' },
  ],
  async run(bench) {
    const samples: Sample[] = [];
    for (const threads of new Set([1, bench.threads])) samples.push(...(await measure(bench, threads)));
    return samples;
  },
};

async function measure({ subjects, llamaBench, model, rounds }: Bench, threads: number): Promise<Sample[]> {
  const settings = { model, threads, slots: 1, contextSize: 2 * promptTokens };
  await using started = await startServers(subjects, settings);
  const contenders = [
    ...started.servers.map(toContender),
    ...(llamaBench === undefined ? [] : [toBareContender(llamaBench, threads)]),
  ];
  return await interleave(prefill, threadsVariant(threads), contenders, rounds);
}

function toContender(server: Server): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const prompt = textOfTokens(promptTokens, round);
      const answer = await complete(server, { prompt, maxTokens: 1 });
      return { prefill: (answer.promptTokens * 1000) / answer.wallMs, 'first token': answer.wallMs };
    },
  };
}

function toBareContender(llamaBench: LlamaBench, threads: number): Contender {
  return {
    subject: 'llama-bench',
    take: async () => ({ prefill: await llamaBench({ prompt: promptTokens }, threads) }),
  };
}
