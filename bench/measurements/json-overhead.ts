// Measures the overhead of a request outside of the engine: HTTP, JSON and validation.
import { complete } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

/** A request takes a few milliseconds, so many samples are needed for a stable median. */
const samplesPerRound = 20;
/** This project caches multiples of 32 tokens, so one prompt token remains to be evaluated in each request. */
const promptTokens = 33;

const warmUpRequests = 300;

export const jsonOverhead: Measurement = {
  name: 'overhead',
  description: 'one token after a cached prompt: time at the client minus time of the engine',
  metrics: [
    { name: 'overhead', unit: 'ms', better: 'lower', goal: { atMost: 2 } },
    { name: 'whole request', unit: 'ms', better: 'lower' },
  ],
  async run({ subjects, model, threads, rounds }) {
    await using started = await startServers(subjects, { model, threads, slots: 1, contextSize: 512 });
    const contenders = started.servers.map(toContender);
    return await interleave(jsonOverhead, threadsVariant(threads), contenders, rounds * samplesPerRound);
  },
};

function toContender(server: Server): Contender {
  // The warm-up puts the prompt into the cache, and lets V8 compile the code of a request.
  const prompt = textOfTokens(promptTokens, 0);
  return {
    subject: server.subject,
    take: async (round) => {
      for (let request = 0; round < 0 && request < warmUpRequests; request += 1) {
        await complete(server, { prompt, maxTokens: 1 });
      }
      const { wallMs, engineMs } = await complete(server, { prompt, maxTokens: 1 });
      return { 'whole request': wallMs, ...(engineMs !== undefined && { overhead: wallMs - engineMs }) };
    },
  };
}
