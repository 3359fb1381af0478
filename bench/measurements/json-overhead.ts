// What a request costs beside the engine: HTTP, JSON and validation, for one token after a prompt that is cached.
import { complete } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

/** A request takes milliseconds, so more of them can be had, and have to be. */
const samplesPerRound = 20;
/** The whole request is compared too: this project evaluates what follows the last multiple of 32 in the cache. */
const promptTokens = 33;

const warmUpRequests = 300;

export const jsonOverhead: Measurement = {
  name: 'overhead',
  description: 'a cached request for one token: its time at the client, less the engine’s own',
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
  // The warm-up evaluates it, and runs until V8 has compiled what a request takes; every later round finds it in the cache.
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
