// Measures the total throughput of eight streams at the same time.
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { storyPrompts } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

const clients = 8;
const maxTokens = 96;

export const concurrentStreams: Measurement = {
  name: 'streams',
  description: `${clients} parallel streams of ${maxTokens} tokens each`,
  metrics: [
    {
      name: 'throughput',
      unit: 'tokens/s',
      better: 'higher',
      goal: { timesOf: 'llama-server', atLeast: 1 },
    },
    { name: 'slowest first token', unit: 'ms', better: 'lower' },
  ],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: clients, contextSize: 512 };
    await using started = await startServers(subjects, settings);
    const contenders = started.servers.map(toContender);
    return await interleave(concurrentStreams, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(server: Server): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const streams = await Promise.all(
        storyPrompts(round).map((prompt) => stream(server, { prompt, maxTokens })),
      );
      const startedAt = Math.min(...streams.map((one) => one.startedAt));
      const lastTokenAt = Math.max(...streams.map((one) => one.lastTokenAt));
      // Use the server's count, because the model may stop before `maxTokens`.
      const tokens = streams.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
      return {
        throughput: (tokens * 1000) / (lastTokenAt - startedAt),
        'slowest first token': Math.max(...streams.map((one) => one.firstTokenAt)) - startedAt,
      };
    },
  };
}
